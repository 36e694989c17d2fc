using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Microsoft.AspNetCore.Http;

namespace ControlPlane.Http;

/// <summary>
/// Reads JSON bodies up to a length. Answers 413 to a body that is too long, and 400 to one that is not JSON or not valid for its type.
/// </summary>
internal static class RequestBody
{
    /// <summary>
    /// The body, or null after an error response. A body of <c>null</c> is an empty <typeparamref name="T"/>, as with Go's decoder.
    /// </summary>
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

        LoneSurrogates.Replace(bytes.Span);
        var (value, error) = Parse(Utf8Text.Repair(bytes).Span, type);
        if (error is not null)
        {
            await context.WriteAsync(StatusCodes.Status400BadRequest, error);
        }

        return value;
    }

    private static (T? Value, ApiError? Error) Parse<T>(ReadOnlySpan<byte> json, JsonTypeInfo<T> type)
        where T : class, new()
    {
        T? value = null;
        JsonException? refused = null;
        try
        {
            value = JsonSerializer.Deserialize(json, type) ?? new T();

            // RespectNullableAnnotations does not cover the entries of lists: BodyCheck checks them.
            if (!type.Options.RespectNullableAnnotations)
            {
                return (value, null);
            }
        }
        catch (JsonException exception)
        {
            refused = exception;
        }

        try
        {
            // The serializer's message is not for clients: it names types of this program.
            var errors = BodyCheck.Find(json, type);
            return errors.Count > 0 ? (null, ApiError.ValidationFailed([.. errors]))
                : refused is null ? (value, null)
                : (null, ApiError.ValidationFailed(new ApiValidation(refused.Path ?? BodyCheck.WholeBody, "cannot be read")));
        }
        catch (JsonException invalid)
        {
            var place = FormattableString.Invariant($"Line {invalid.LineNumber + 1}, byte {invalid.BytePositionInLine}.");
            return (null, ApiError.InvalidJson(place));
        }
    }

    private static async Task<Memory<byte>?> ReadBytesAsync(HttpContext context, int limit)
    {
        // Kestrel enforces Content-Length, so that a body with one needs no last read for its end.
        var contentLength = context.Request.ContentLength;
        if (contentLength > limit)
        {
            return null;
        }

        var body = new byte[contentLength ?? Math.Min(256, limit + 1L)];
        var length = 0;
        while (length != contentLength)
        {
            if (length == body.Length)
            {
                Array.Resize(ref body, (int)Math.Min(2L * length, limit + 1L));
            }

            var read = await context.Request.Body.ReadAsync(body.AsMemory(length), context.RequestAborted);
            if (read == 0)
            {
                break;
            }

            length += read;
            if (length > limit)
            {
                return null;
            }
        }

        return body.AsMemory(0, length);
    }
}
