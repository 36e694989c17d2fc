using System.Buffers;
using System.Buffers.Binary;
using System.Text;
using Relay.Derp.Wire;

namespace Relay.Derp.Client;

/// <summary>
/// Parses the bytes of a relay into frames, does the login, and passes later frames to the handler. The length is checked as soon as the
/// header has arrived, so at most one frame with a packet is stored. Not for concurrent use.
/// </summary>
internal sealed class DerpClientReceiver(
    DerpLogin login, NodeKey? expectedServer, IDerpClientOutbox outbox, IDerpClientHandler handler)
{
    /// <summary>The maximum text of a Health frame that the handler gets, in bytes.</summary>
    private const int MaxHealth = 1024;

    private byte[] _joined = [];
    private long _skip;
    private bool _hasAnswered;
    private bool _isLoggedIn;
    private bool _hasPackets;

    /// <summary>Handles the complete frames in the buffer.</summary>
    /// <param name="buffer">The received bytes. The handled ones are sliced off.</param>
    /// <returns>Why the connection ends, or null.</returns>
    public DerpClientCloseReason? Receive(ref ReadOnlySequence<byte> buffer)
    {
        var reason = ReceiveFrames(ref buffer);
        if (_hasPackets)
        {
            _hasPackets = false;
            handler.OnBatchEnd();
        }

        return reason;
    }

    private static bool IsKnown(DerpFrameType type) => type
        is DerpFrameType.RecvPacket or DerpFrameType.PeerPresent or DerpFrameType.PeerGone or DerpFrameType.Ping or DerpFrameType.Health
            or DerpFrameType.Restarting;

    private DerpClientCloseReason? ReceiveFrames(ref ReadOnlySequence<byte> buffer)
    {
        while (true)
        {
            if (_skip > 0)
            {
                var skipped = Math.Min(_skip, buffer.Length);
                _skip -= skipped;
                buffer = buffer.Slice(skipped);
            }

            if (!_isLoggedIn && DerpFrameReader.TryReadHeader(buffer, out var first) && !IsOfLogin(first))
            {
                return DerpClientCloseReason.BadLogin;
            }

            switch (DerpFrameReader.TryRead(ref buffer, DerpProtocol.MaxReceivedPayload, out var header, out var payload))
            {
                case DerpFrameStatus.Frame:
                    var bytes = payload.IsSingleSegment ? payload.FirstSpan : Join(payload);
                    if (_isLoggedIn)
                    {
                        Handle(header.Type, bytes);
                    }
                    else if (LogIn(bytes) is { } reason)
                    {
                        return reason;
                    }

                    break;
                case DerpFrameStatus.TooLong when IsKnown(header.Type) || header.Length > DerpProtocol.MaxClientFrame:
                    return DerpClientCloseReason.ProtocolError;
                case DerpFrameStatus.TooLong:
                    // A frame of a later version of the protocol is skipped without storing it.
                    _skip = DerpProtocol.HeaderLength + (long)header.Length;
                    break;
                default:
                    return null;
            }
        }
    }

    private bool IsOfLogin(DerpFrameHeader header) =>
        header.Type == (_hasAnswered ? DerpFrameType.ServerInfo : DerpFrameType.ServerKey)
        && header.Length <= DerpProtocol.MaxReceivedPayload;

    private DerpClientCloseReason? LogIn(ReadOnlySpan<byte> payload)
    {
        if (_hasAnswered)
        {
            if (!login.TryReadServerInfo(payload))
            {
                return DerpClientCloseReason.BadLogin;
            }

            _isLoggedIn = true;
            outbox.Open();
            handler.OnConnected();
            return null;
        }

        if (!login.TryReadServerKey(payload))
        {
            return DerpClientCloseReason.BadLogin;
        }

        if (login.Server == login.Client)
        {
            return DerpClientCloseReason.Self;
        }

        if (expectedServer is { } expected && expected != login.Server)
        {
            return DerpClientCloseReason.WrongServer;
        }

        if (login.Answer() is not { } answer)
        {
            return DerpClientCloseReason.BadLogin;
        }

        _hasAnswered = true;
        outbox.SendLogin(answer);
        return null;
    }

    // Frames that are too short, and those of other types, are skipped, as other clients do.
    private void Handle(DerpFrameType type, ReadOnlySpan<byte> payload)
    {
        switch (type)
        {
            case DerpFrameType.RecvPacket when payload.Length >= NodeKey.Length:
                _hasPackets = true;
                handler.OnPacket(new NodeKey(payload), payload[NodeKey.Length..]);
                break;
            case DerpFrameType.Ping when payload.Length >= DerpProtocol.PingLength:
                outbox.QueuePong(BinaryPrimitives.ReadUInt64BigEndian(payload));
                break;
            case DerpFrameType.PeerPresent when payload.Length >= NodeKey.Length:
                handler.OnPeerPresent(new NodeKey(payload));
                break;
            case DerpFrameType.PeerGone when payload.Length >= NodeKey.Length:
                // Old servers send no reason.
                var isUnknown = payload.Length > NodeKey.Length && payload[NodeKey.Length] == (byte)PeerGoneReason.NotHere;
                handler.OnPeerGone(new NodeKey(payload), isUnknown ? PeerGoneReason.NotHere : PeerGoneReason.Disconnected);
                break;
            case DerpFrameType.Health:
                handler.OnHealth(Encoding.UTF8.GetString(payload[..Math.Min(payload.Length, MaxHealth)]));
                break;
            case DerpFrameType.Restarting when payload.Length >= 2 * sizeof(uint):
                handler.OnRestarting(
                    TimeSpan.FromMilliseconds(BinaryPrimitives.ReadUInt32BigEndian(payload)),
                    TimeSpan.FromMilliseconds(BinaryPrimitives.ReadUInt32BigEndian(payload[sizeof(uint)..])));
                break;
        }
    }

    // Each connection has a buffer of its own: the handler may run other connections on this thread while it uses the packet.
    private ReadOnlySpan<byte> Join(in ReadOnlySequence<byte> payload)
    {
        var length = (int)payload.Length;
        if (_joined.Length < length)
        {
            _joined = new byte[(int)System.Numerics.BitOperations.RoundUpToPowerOf2((uint)length)];
        }

        payload.CopyTo(_joined);
        return _joined.AsSpan(0, length);
    }
}
