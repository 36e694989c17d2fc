using System.Buffers;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Microsoft.AspNetCore.Http;

namespace ControlPlane.Http;

/// <summary>Reads bounded JSON bodies. Refusals are answered here: 413 for one too long, 400 for one that is not what was asked for.</summary>
internal static class RequestBody
{
    /// <summary>The body, or null once an error has been answered. A body of <c>null</c> is an empty <typeparamref name="T"/>, as in Go.</summary>
    public static async Task<T?> ReadAsync<T>(HttpContext context, JsonTypeInfo<T> type, int limit)
        where T : class, new()
    {
        if (await ReadBytesAsync(context, limit) is not { } bytes)
        {
            await context.WriteAsync(
                StatusCodes.Status413PayloadTooLarge,
                new ApiError("Request body is too large.", FormattableString.Invariant($"At most {limit} bytes are read.")));
            return null;
        }

        try
        {
            return JsonSerializer.Deserialize(Utf8Text.Repair(bytes).Span, type) ?? new T();
        }
        catch (JsonException exception)
        {
            // Its message may quote the body.
            await context.WriteAsync(
                StatusCodes.Status400BadRequest,
                ApiError.InvalidJson(FormattableString.Invariant($"Line {exception.LineNumber + 1}, byte {exception.BytePositionInLine}.")));
            return null;
        }
    }

    private static async Task<ReadOnlyMemory<byte>?> ReadBytesAsync(HttpContext context, int limit)
    {
        if (context.Request.ContentLength > limit)
        {
            return null;
        }

        var body = new ArrayBufferWriter<byte>((int)Math.Clamp(context.Request.ContentLength ?? 0, 256, limit));
        while (true)
        {
            var read = await context.Request.Body.ReadAsync(body.GetMemory(4096), context.RequestAborted);
            if (read == 0)
            {
                return body.WrittenMemory;
            }

            body.Advance(read);
            if (body.WrittenCount > limit)
            {
                return null;
            }
        }
    }
}
