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

    private readonly byte[] _secret = secret.ToArray();
    private readonly Dictionary<Guid, Sender> _senders = [];
    private long _opened;

    /// <summary>The number of senders whose keys are kept; for tests.</summary>
    public int SenderCount => _senders.Count;

    /// <summary>Opens a frame; null unless the outcome is <see cref="FrameOutcome.Opened"/>.</summary>
    public FrameOutcome Open(string text, out BusFrame? frame)
    {
        frame = null;
        Span<byte> bytes = stackalloc byte[BusFrame.MaxText / 4 * 3];
        if (!TryDecode(text, ref bytes) || bytes.Length < BusFrame.HeaderLength + BusFrame.TagLength)
        {
            return FrameOutcome.Malformed;
        }

        if (bytes[0] != BusFrame.Protocol)
        {
            return FrameOutcome.OtherProtocol;
        }

        Span<byte> ours = stackalloc byte[8];
        BusFrame.WriteGeneration(ours, generation);
        if (!bytes[1..9].SequenceEqual(ours))
        {
            return FrameOutcome.OtherGeneration;
        }

        var server = new Guid(bytes[9..25], bigEndian: true);
        var number = BinaryPrimitives.ReadInt64LittleEndian(bytes[25..33]);
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
