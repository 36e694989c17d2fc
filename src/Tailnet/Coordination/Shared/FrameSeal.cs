using System.Security.Cryptography;

namespace Tailnet.Coordination.Shared;

/// <summary>
/// Seals the frames of one server in one generation (AES-256-GCM), and numbers them. There must be one object only for a server and a
/// generation: it is what keeps nonces from repeating. Not thread-safe: the writer uses it.
/// </summary>
internal sealed class FrameSeal(ReadOnlySpan<byte> secret, Guid generation, Guid server) : IDisposable
{
    private readonly AesGcm _cipher = FrameKey.Derive(secret, generation, server);
    private long _sent;
    private long _last;
    private uint _attempt;

    /// <summary>The number of the last frame.</summary>
    public long Last => _last;

    /// <summary>Returns the text of the next frame.</summary>
    /// <param name="entries">Encoded entries, at most <see cref="BusFrame.MaxEntries"/> bytes.</param>
    public string Seal(ReadOnlySpan<byte> entries)
    {
        if (entries.Length > BusFrame.MaxEntries)
        {
            throw new ArgumentException($"A frame has at most {BusFrame.MaxEntries} bytes of entries.", nameof(entries));
        }

        var frame = new byte[BusFrame.HeaderLength + entries.Length + BusFrame.TagLength];
        var header = frame.AsSpan(0, BusFrame.HeaderLength);
        BusFrame.WriteHeader(header, generation, server, ++_last, _attempt);
        Span<byte> nonce = stackalloc byte[12];
        BusFrame.WriteNonce(nonce, header);
        var sealedEntries = frame.AsSpan(BusFrame.HeaderLength, entries.Length);
        _cipher.Encrypt(nonce, entries, sealedEntries, frame.AsSpan(^BusFrame.TagLength), header);
        return Convert.ToBase64String(frame);
    }

    /// <summary>The frames so far were sent, or may have been: their numbers are used up.</summary>
    public void Sent() => _sent = _last;

    /// <summary>
    /// The frames since the last call of <see cref="Sent"/> were not sent: their numbers are used again, in another attempt.
    /// </summary>
    public void NotSent()
    {
        _attempt = checked(_attempt + 1);
        _last = _sent;
    }

    public void Dispose() => _cipher.Dispose();
}
