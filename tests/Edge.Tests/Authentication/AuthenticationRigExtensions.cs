using System.Net;
using System.Text.Json;
using Edge.Tests.Listeners;

namespace Edge.Tests.Authentication;

/// <summary>Requests to an <see cref="AuthenticationRig"/>'s host.</summary>
internal static class AuthenticationRigExtensions
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    /// <summary>The headers that the handler got, and the query.</summary>
    public static async Task<Dictionary<string, string>> OkAsync(
        this AccessHost host, string path, params (string Name, string Value)[] headers)
    {
        using var response = await host.SendAsync(path, headers);
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        return JsonSerializer.Deserialize<Dictionary<string, string>>(await response.Content.ReadAsStringAsync(Cancel))!;
    }

    public static async Task<HttpResponseMessage> SendAsync(
        this AccessHost host, string path, params (string Name, string Value)[] headers)
    {
        using var client = host.Client();
        using var request = new HttpRequestMessage(HttpMethod.Get, path);
        foreach (var (name, value) in headers)
        {
            request.Headers.TryAddWithoutValidation(name, value);
        }

        return await client.SendAsync(request, Cancel);
    }

    public static async Task<string> MessageAsync(this HttpResponseMessage response)
    {
        using var json = JsonDocument.Parse(await response.Content.ReadAsStringAsync(Cancel));
        return json.RootElement.GetProperty("message").GetString()!;
    }
}
