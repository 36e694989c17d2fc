using System.Text.Json;
using System.Text.Json.Serialization;

namespace Edge.Http;

/// <summary>The Agents API's error body (tailnet.md §1.1), for all errors of the edge itself.</summary>
/// <param name="Message">One sentence for the user.</param>
/// <param name="Detail">More about the cause or the remedy; omitted when null.</param>
internal sealed record ApiError(
    [property: JsonPropertyName("message")] string Message,
    [property: JsonPropertyName("detail"), JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] string? Detail = null)
{
    /// <summary>Answers with <paramref name="status"/> and this body. Has no effect after the response has started.</summary>
    public async Task WriteAsync(HttpContext context, int status, TimeSpan? retryAfter = null)
    {
        if (context.Response.HasStarted)
        {
            return;
        }

        context.Response.StatusCode = status;
        if (retryAfter is { } wait)
        {
            var seconds = (int)Math.Ceiling(wait.TotalSeconds);
            context.Response.Headers.RetryAfter = seconds.ToString(System.Globalization.CultureInfo.InvariantCulture);
        }

        byte[] body = [.. JsonSerializer.SerializeToUtf8Bytes(this, ApiErrorJson.Default.ApiError), (byte)'\n'];
        context.Response.ContentType = "application/json; charset=utf-8";
        context.Response.ContentLength = body.Length;
        await context.Response.Body.WriteAsync(body);
    }
}

[JsonSerializable(typeof(ApiError))]
internal sealed partial class ApiErrorJson : JsonSerializerContext;
