using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Microsoft.AspNetCore.Http;

namespace ControlPlane.Http;

/// <summary>
/// Reads bounded JSON bodies. Refusals are answered here: 413 for one too long, 400 for one that is no JSON or not what was asked for.
/// </summary>
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

            // The serialiser lets null into lists, whatever their entries are.
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
            // The exception's message is not shown: it names types of this program.
            var faults = BodyCheck.Find(json, type);
            return faults.Count > 0 ? (null, ApiError.ValidationFailed([.. faults]))
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
        // What is announced is all: the server holds clients to it, and need not be asked for the end.
        var announced = context.Request.ContentLength;
        if (announced > limit)
        {
            return null;
        }

        var body = new byte[announced ?? Math.Min(256, limit + 1L)];
        var length = 0;
        while (length != announced)
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
