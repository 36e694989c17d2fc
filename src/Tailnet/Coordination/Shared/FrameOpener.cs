using System.Buffers.Binary;
using System.Security.Cryptography;

namespace Tailnet.Coordination.Shared;

/// <summary>
/// Opens the frames of all servers in one generation. It keeps the keys of the 64 servers that were heard last. A forged frame costs a
/// derivation of a key, and displaces none. Not thread-safe: the listener uses it.
/// </summary>
internal sealed class FrameOpener(ReadOnlySpan<byte> secret, Guid generation) : IDisposable
{
    /// <summary>The most senders whose keys are kept.</summary>
    public const int MaxSenders = 64;

    // A frame without entries, and the part of the header up to the number, in characters.
    private const int MinText = (BusFrame.HeaderLength + BusFrame.TagLength + 2) / 3 * 4;
    private const int PeekText = PeekLength / 3 * 4;
    private const int PeekLength = BusFrame.HeaderLength - 4;

    private readonly byte[] _secret = secret.ToArray();
    private readonly Dictionary<Guid, Sender> _senders = [];
    private long _opened;
    private bool _isDisposed;

    /// <summary>The number of senders whose keys are kept; for tests.</summary>
    public int SenderCount => _senders.Count;

    /// <summary>
    /// Reads the sender and the number from the header, without cryptography: nothing proves them. A server skips its own frames by them,
    /// except those with a <see cref="BeatEntry"/>. Returns false when the length or the header is not that of a frame of this generation.
    /// </summary>
    public bool TryPeek(string text, out Guid server, out long number)
    {
        (server, number) = (default, 0);
        Span<byte> header = stackalloc byte[PeekLength];
        if (text.Length is < MinText or > BusFrame.MaxText
            || !Convert.TryFromBase64Chars(text.AsSpan(0, PeekText), header, out var count)
            || count < PeekLength
            || Refusal(header) is not null
            || Sender.Of(header) is not { Number: > 0 } sender)
        {
            return false;
        }

        (server, number) = sender;
        return true;
    }

    /// <summary>Opens a frame; null unless the outcome is <see cref="FrameOutcome.Opened"/>.</summary>
    public FrameOutcome Open(string text, out BusFrame? frame)
    {
        // Without a secret, anybody could make the key.
        ObjectDisposedException.ThrowIf(_isDisposed, this);
        frame = null;
        Span<byte> bytes = stackalloc byte[BusFrame.MaxText / 4 * 3];
        if (!TryDecode(text, ref bytes) || bytes.Length < BusFrame.HeaderLength + BusFrame.TagLength)
        {
            return FrameOutcome.Malformed;
        }

        if (Refusal(bytes) is { } refusal)
        {
            return refusal;
        }

        var (server, number) = Sender.Of(bytes);
        Span<byte> entries = stackalloc byte[bytes.Length - BusFrame.HeaderLength - BusFrame.TagLength];
        if (number < 1 || !TryOpen(server, bytes, entries))
        {
            return FrameOutcome.Forged;
        }

        if (!BusEntryReader.TryRead(entries, out var read))
        {
            return FrameOutcome.Unreadable;
        }

        frame = new BusFrame(server, number, read);
        return FrameOutcome.Opened;
    }

    public void Dispose()
    {
        _isDisposed = true;
        CryptographicOperations.ZeroMemory(_secret);
        foreach (var sender in _senders.Values)
        {
            sender.Cipher.Dispose();
        }

        _senders.Clear();
    }

    private static bool TryDecode(string text, ref Span<byte> bytes)
    {
        if (text.Length > BusFrame.MaxText || !Convert.TryFromBase64String(text, bytes, out var count))
        {
            return false;
        }

        // One text for one frame: no white space, no other padding.
        bytes = bytes[..count];
        Span<char> again = stackalloc char[BusFrame.MaxText + 2];
        return Convert.TryToBase64Chars(bytes, again, out var length) && text.AsSpan().SequenceEqual(again[..length]);
    }

    private FrameOutcome? Refusal(ReadOnlySpan<byte> header)
    {
        if (header[0] != BusFrame.Protocol)
        {
            return FrameOutcome.OtherProtocol;
        }

        Span<byte> ours = stackalloc byte[8];
        BusFrame.WriteGeneration(ours, generation);
        return header[1..9].SequenceEqual(ours) ? null : FrameOutcome.OtherGeneration;
    }

    private bool TryOpen(Guid server, ReadOnlySpan<byte> bytes, Span<byte> entries)
    {
        var isKnown = _senders.TryGetValue(server, out var sender);
        var cipher = isKnown ? sender!.Cipher : FrameKey.Derive(_secret, generation, server);
        if (!TryDecrypt(cipher, bytes, entries))
        {
            if (!isKnown)
            {
                cipher.Dispose();
            }

            return false;
        }

        if (!isKnown)
        {
            Keep(server, sender = new Sender(cipher));
        }

        sender!.LastOpened = ++_opened;
        return true;
    }

    private static bool TryDecrypt(AesGcm cipher, ReadOnlySpan<byte> bytes, Span<byte> entries)
    {
        var header = bytes[..BusFrame.HeaderLength];
        Span<byte> nonce = stackalloc byte[12];
        BusFrame.WriteNonce(nonce, header);
        try
        {
            cipher.Decrypt(nonce, bytes.Slice(BusFrame.HeaderLength, entries.Length), bytes[^BusFrame.TagLength..], entries, header);
            return true;
        }
        catch (AuthenticationTagMismatchException)
        {
            return false;
        }
    }

    private void Keep(Guid server, Sender sender)
    {
        if (_senders.Count == MaxSenders)
        {
            var oldest = _senders.MinBy(static kept => kept.Value.LastOpened).Key;
            _senders[oldest].Cipher.Dispose();
            _senders.Remove(oldest);
        }

        _senders.Add(server, sender);
    }

    private sealed class Sender(AesGcm cipher)
    {
        public AesGcm Cipher => cipher;

        public long LastOpened { get; set; }

        public static (Guid Server, long Number) Of(ReadOnlySpan<byte> header) =>
            (new Guid(header[9..25], bigEndian: true), BinaryPrimitives.ReadInt64LittleEndian(header[25..33]));
    }
}

/// <summary>The outcomes of opening a frame.</summary>
internal enum FrameOutcome
{
    /// <summary>The frame is one of this generation, by a server of the deployment.</summary>
    Opened,

    /// <summary>The text is no frame.</summary>
    Malformed,

    /// <summary>A newer program wrote it.</summary>
    OtherProtocol,

    /// <summary>It was made for an earlier or later generation of the tables.</summary>
    OtherGeneration,

    /// <summary>Whoever wrote it does not know the secret, or it was changed.</summary>
    Forged,

    /// <summary>A server of the deployment wrote it, and its entries cannot be read: a fault of one of the two programs.</summary>
    Unreadable,
}
