using System.Text.Json;
using System.Text.Json.Serialization;

namespace Edge.Http;

/// <summary>The Agents API's error body (tailnet.md §1.1), for every answer that the edge itself gives.</summary>
/// <param name="Message">One sentence for the user.</param>
/// <param name="Detail">What else helps to mend it; left out when null.</param>
internal sealed record ApiError(
    [property: JsonPropertyName("message")] string Message,
    [property: JsonPropertyName("detail"), JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] string? Detail = null)
{
    /// <summary>Answers with <paramref name="status"/> and this body. Does nothing once a response has begun.</summary>
    public async Task WriteAsync(HttpContext context, int status, TimeSpan? retryAfter = null)
    {
        if (context.Response.HasStarted)
        {
            return;
        }

        context.Response.StatusCode = status;
        if (retryAfter is { } wait)
        {
            context.Response.Headers.RetryAfter = ((int)Math.Ceiling(wait.TotalSeconds)).ToString(System.Globalization.CultureInfo.InvariantCulture);
        }

        byte[] body = [.. JsonSerializer.SerializeToUtf8Bytes(this, ApiErrorJson.Default.ApiError), (byte)'\n'];
        context.Response.ContentType = "application/json; charset=utf-8";
        context.Response.ContentLength = body.Length;
        await context.Response.Body.WriteAsync(body);
    }
}

[JsonSerializable(typeof(ApiError))]
internal sealed partial class ApiErrorJson : JsonSerializerContext;
