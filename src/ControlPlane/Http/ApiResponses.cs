using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Microsoft.AspNetCore.Http;

namespace ControlPlane.Http;

/// <summary>Writes JSON bodies as the Coder server does: a newline ends each, and an empty result is <c>null</c>.</summary>
internal static class ApiResponses
{
    public const string JsonContentType = "application/json; charset=utf-8";

    // This bounds what the connection buffers of a response that the client does not read.
    private const int ChunkBytes = 16 * 1024;

    private static readonly byte[] NullBody = "null\n"u8.ToArray();

    public static Task WriteAsync(this HttpContext context, int status, ApiError error) =>
        context.WriteAsync(status, error, ApiJson.Wire.ApiError);

    public static Task WriteAsync<T>(this HttpContext context, int status, T body, JsonTypeInfo<T> type) =>
        context.WriteBodyAsync(status, Body(body, type));

    /// <summary>A serialized body for <see cref="WriteBodyAsync"/>, which several responses may share.</summary>
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
            : body.Length <= ChunkBytes ? context.Response.Body.WriteAsync(body, context.RequestAborted).AsTask()
            : context.WriteChunksAsync(body);
    }

    /// <summary>
    /// Writes the body in chunks of 16 KiB. A single write would copy the whole body into the buffer of each connection, although
    /// all connections share the body.
    /// </summary>
    public static async Task WriteChunksAsync(this HttpContext context, ReadOnlyMemory<byte> body)
    {
        for (; body.Length > 0; body = body[Math.Min(ChunkBytes, body.Length)..])
        {
            await context.Response.Body.WriteAsync(body[..Math.Min(ChunkBytes, body.Length)], context.RequestAborted);
        }
    }
}
