using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Microsoft.AspNetCore.Http;

namespace ControlPlane.Http;

/// <summary>Writes JSON bodies the way the real server does: with a final newline, and <c>null</c> where there is nothing to say.</summary>
internal static class ApiResponses
{
    public const string JsonContentType = "application/json; charset=utf-8";

    // Of an answer that nobody reads, the connection holds so much.
    private const int PieceBytes = 16 * 1024;

    private static readonly byte[] NullBody = "null\n"u8.ToArray();

    public static Task WriteAsync(this HttpContext context, int status, ApiError error) =>
        context.WriteAsync(status, error, ApiJson.Wire.ApiError);

    public static Task WriteAsync<T>(this HttpContext context, int status, T body, JsonTypeInfo<T> type) =>
        context.WriteBodyAsync(status, Body(body, type));

    /// <summary>A body made once, for <see cref="WriteBodyAsync"/>.</summary>
    public static byte[] Body<T>(T body, JsonTypeInfo<T> type)
    {
        var json = JsonSerializer.SerializeToUtf8Bytes(body, type);
        Array.Resize(ref json, json.Length + 1);
        json[^1] = (byte)'\n';
        return json;
    }

    public static Task WriteNullAsync(this HttpContext context, int status) => context.WriteBodyAsync(status, NullBody);

    public static Task WriteBodyAsync(this HttpContext context, int status, byte[] body)
    {
        context.Response.StatusCode = status;
        context.Response.ContentType = JsonContentType;
        context.Response.ContentLength = body.Length;
        return HttpMethods.IsHead(context.Request.Method) ? Task.CompletedTask
            : body.Length <= PieceBytes ? context.Response.Body.WriteAsync(body, context.RequestAborted).AsTask()
            : context.WritePiecesAsync(body);
    }

    /// <summary>
    /// Writes piece after piece: written at once, all of the body would be copied into the connection, while a body may be one for all of them.
    /// </summary>
    public static async Task WritePiecesAsync(this HttpContext context, ReadOnlyMemory<byte> body)
    {
        for (; body.Length > 0; body = body[Math.Min(PieceBytes, body.Length)..])
        {
            await context.Response.Body.WriteAsync(body[..Math.Min(PieceBytes, body.Length)], context.RequestAborted);
        }
    }
}
