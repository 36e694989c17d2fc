using System.IO.Pipelines;
using Relay.Streams.Wire;

namespace Relay.Streams;

/// <summary>How the copying of a body ended.</summary>
public enum BodyCopyResult
{
    /// <summary>The whole body was copied.</summary>
    Complete = 0,

    /// <summary>
    /// The API server's connection ended or broke within the body. The client must be able to tell that the body is incomplete.
    /// </summary>
    Truncated,

    /// <summary>The chunks are malformed. The client must be able to tell that the body is incomplete.</summary>
    Invalid,
}

/// <summary>The body of a refused upgrade, without its transfer framing.</summary>
public sealed class ResponseBody
{
    private readonly PipeReader _input;
    private readonly ResponseFraming _framing;
    private ChunkedDecoder _chunks;
    private long _remaining;

    internal ResponseBody(PipeReader input, ResponseFraming framing)
    {
        _input = input;
        _framing = framing;
        _remaining = framing.Length;
    }

    /// <summary>The length in bytes if the head states it, 0 without a body; otherwise null.</summary>
    public long? Length => _framing.Kind is BodyKind.None or BodyKind.Length ? _framing.Length : null;

    /// <summary>
    /// Copies the body. Each read is flushed before the next one. Call this once. Exceptions of the destination go to the caller.
    /// </summary>
    /// <param name="destination">Receives the body's bytes; its back-pressure reaches the API server.</param>
    /// <param name="cancellationToken">Ends the copying.</param>
    /// <exception cref="OperationCanceledException"><paramref name="cancellationToken"/> was cancelled.</exception>
    public async Task<BodyCopyResult> CopyToAsync(Stream destination, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(destination);
        while (!(_framing.Kind == BodyKind.None || (_framing.Kind == BodyKind.Length && _remaining == 0)))
        {
            ReadResult result;
            try
            {
                result = await _input.ReadAsync(cancellationToken).ConfigureAwait(false);
            }
            catch (Exception error) when (TransportFailure.Is(error))
            {
                cancellationToken.ThrowIfCancellationRequested();
                return BodyCopyResult.Truncated;
            }

            BodyCopyResult? end = null;
            foreach (var segment in result.Buffer)
            {
                end ??= await CopySegmentAsync(segment, destination, cancellationToken).ConfigureAwait(false);
            }

            _input.AdvanceTo(result.Buffer.End);
            await destination.FlushAsync(cancellationToken).ConfigureAwait(false);
            if (end is not null)
            {
                return end.Value;
            }

            if (result.IsCompleted)
            {
                return _framing.Kind == BodyKind.UntilClose ? BodyCopyResult.Complete : BodyCopyResult.Truncated;
            }
        }

        return BodyCopyResult.Complete;
    }

    /// <summary>
    /// Returns null when the body continues after the segment. Bytes after the body's end are dropped: they answer no request.
    /// </summary>
    private async ValueTask<BodyCopyResult?> CopySegmentAsync(
        ReadOnlyMemory<byte> segment, Stream destination, CancellationToken cancellationToken)
    {
        if (_framing.Kind == BodyKind.UntilClose)
        {
            await destination.WriteAsync(segment, cancellationToken).ConfigureAwait(false);
            return null;
        }

        if (_framing.Kind == BodyKind.Length)
        {
            var take = segment[..(int)Math.Min(segment.Length, _remaining)];
            await destination.WriteAsync(take, cancellationToken).ConfigureAwait(false);
            _remaining -= take.Length;
            return _remaining == 0 ? BodyCopyResult.Complete : null;
        }

        while (true)
        {
            var status = NextChunk(ref segment, out var data);
            switch (status)
            {
                case ChunkStatus.Data:
                    await destination.WriteAsync(data, cancellationToken).ConfigureAwait(false);
                    break;
                case ChunkStatus.NeedMore:
                    return null;
                default:
                    return status == ChunkStatus.Done ? BodyCopyResult.Complete : BodyCopyResult.Invalid;
            }
        }
    }

    private ChunkStatus NextChunk(ref ReadOnlyMemory<byte> segment, out ReadOnlyMemory<byte> data)
    {
        var rest = segment.Span;
        var status = _chunks.Read(ref rest, out var found);
        var used = segment.Length - rest.Length;
        data = segment[(used - found.Length)..used];
        segment = segment[used..];
        return status;
    }
}
