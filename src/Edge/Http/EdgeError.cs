using System.Text.Json;
using System.Text.Json.Serialization;

namespace Edge.Http;

/// <summary>
/// The body of an error that the edge itself answers. Its JSON is that of the Agents API (tailnet.md §1.1) without validations, which
/// only an API server makes.
/// </summary>
/// <param name="Message">One sentence for the user.</param>
/// <param name="Detail">More about the cause or the remedy; omitted when null.</param>
internal sealed record EdgeError(
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

        byte[] body = [.. JsonSerializer.SerializeToUtf8Bytes(this, EdgeErrorJson.Default.EdgeError), (byte)'\n'];
        context.Response.ContentType = "application/json; charset=utf-8";
        context.Response.ContentLength = body.Length;
        await context.Response.Body.WriteAsync(body);
    }
}

[JsonSerializable(typeof(EdgeError))]
internal sealed partial class EdgeErrorJson : JsonSerializerContext;
