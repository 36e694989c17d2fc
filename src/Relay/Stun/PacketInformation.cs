using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;

namespace Relay.Stun;

/// <summary>
/// Datagrams of a socket that is bound to "any address", with the address that each came to: recvmsg(2) and sendmsg(2) with IP_PKTINFO
/// (ip(7)) or IPV6_PKTINFO (RFC 3542 §6). What a request brought is what its answer is sent with. Linux only: the runtime tells the
/// destination, but sends from none of one's choice.
/// </summary>
internal sealed partial class PacketInformation
{
    // linux/in.h and linux/in6.h.
    private const int LevelIPv4 = 0;
    private const int LevelIPv6 = 41;
    private const int AskIPv4 = 8;
    private const int AskIPv6 = 49;
    private const int Interrupted = 4;

    // Room for one control message of either family, with its header.
    private const int ControlLength = 64;

    // The header of a control message: its length as a size_t, level and type; then in_pktinfo (index, local address, destination) or
    // in6_pktinfo (destination, index).
    private static readonly int BodyOffset = nint.Size + 8;

    private readonly Socket _socket;
    private readonly bool _isIPv6;
    private readonly byte[] _data;
    private readonly byte[] _name = GC.AllocateArray<byte>(28, pinned: true);
    private readonly byte[] _control = GC.AllocateArray<byte>(ControlLength, pinned: true);
    private readonly Vector[] _vector = GC.AllocateArray<Vector>(1, pinned: true);
    private int _nameLength;
    private int _controlLength;

    private PacketInformation(Socket socket, int maxDatagram)
    {
        (_socket, _isIPv6) = (socket, socket.AddressFamily == AddressFamily.InterNetworkV6);
        _data = GC.AllocateArray<byte>(maxDatagram, pinned: true);
    }

    /// <summary>Null where the system does not tell destinations.</summary>
    /// <param name="socket">Bound; not used asynchronously by anybody.</param>
    /// <param name="maxDatagram">Bytes of a datagram that are read; the rest is cut off.</param>
    public static PacketInformation? TryEnable(Socket socket, int maxDatagram)
    {
        if (!OperatingSystem.IsLinux() || !BitConverter.IsLittleEndian)
        {
            return null;
        }

        var information = new PacketInformation(socket, maxDatagram);
        try
        {
            var (level, option) = information._isIPv6 ? (LevelIPv6, AskIPv6) : (LevelIPv4, AskIPv4);
            socket.SetRawSocketOption(level, option, BitConverter.GetBytes(1));
            return information;
        }
        catch (SocketException)
        {
            // A kernel, or a sandbox, without it: answers then have the source that the system chooses.
            return null;
        }
    }

    /// <summary>What came last.</summary>
    public ReadOnlySpan<byte> Data(int length) => _data.AsSpan(0, length);

    /// <summary>Who sent it.</summary>
    public void CopySender(SocketAddress to)
    {
        _name.AsSpan(0, _nameLength).CopyTo(to.Buffer.Span);
        to.Size = _nameLength;
    }

    /// <summary>Waits for a datagram.</summary>
    /// <returns>Its bytes; below 0 for an error of the socket.</returns>
    /// <exception cref="ObjectDisposedException">The socket was closed.</exception>
    public int Receive()
    {
        while (true)
        {
            var message = Message(_data.Length, _name.Length, ControlLength);
            var length = (int)ReceiveMessage(_socket.SafeHandle, ref message, 0);
            if (length < 0 && Marshal.GetLastPInvokeError() == Interrupted)
            {
                continue;
            }

            (_nameLength, _controlLength) = (Math.Min((int)message.NameLength, _name.Length), (int)message.ControlLength);
            return length;
        }
    }

    /// <summary>Answers what came last, from the address that it came to.</summary>
    /// <returns>False when it could not be sent.</returns>
    /// <exception cref="ObjectDisposedException">The socket was closed.</exception>
    public bool TryAnswer(ReadOnlySpan<byte> answer)
    {
        answer.CopyTo(_data);
        FreeInterface();

        // From a broadcast or multicast address, or one that is gone since, nothing can be sent: then the system chooses.
        return TrySend(answer.Length, _controlLength) || (_controlLength > 0 && TrySend(answer.Length, 0));
    }

    // The way back is the routing table's business; only a link-local address means nothing without its link.
    private void FreeInterface()
    {
        if (_controlLength <= BodyOffset)
        {
            _controlLength = 0;
            return;
        }

        var body = _control.AsSpan(BodyOffset);
        if (!_isIPv6)
        {
            body[..4].Clear();
        }
        else if (!(body[0] == 0xfe && (body[1] & 0xc0) == 0x80))
        {
            body.Slice(16, 4).Clear();
        }
    }

    private bool TrySend(int length, int controlLength)
    {
        var message = Message(length, _nameLength, controlLength);
        return SendMessage(_socket.SafeHandle, ref message, 0) >= 0;
    }

    private MessageHeader Message(int length, int nameLength, int controlLength)
    {
        _vector[0] = new Vector { Base = Marshal.UnsafeAddrOfPinnedArrayElement(_data, 0), Length = length };
        return new MessageHeader
        {
            Name = Marshal.UnsafeAddrOfPinnedArrayElement(_name, 0),
            NameLength = (uint)nameLength,
            Vectors = Marshal.UnsafeAddrOfPinnedArrayElement(_vector, 0),
            VectorCount = 1,
            Control = controlLength == 0 ? 0 : Marshal.UnsafeAddrOfPinnedArrayElement(_control, 0),
            ControlLength = controlLength,
        };
    }

    [LibraryImport("libc", EntryPoint = "recvmsg", SetLastError = true)]
    private static partial nint ReceiveMessage(SafeSocketHandle socket, ref MessageHeader message, int flags);

    [LibraryImport("libc", EntryPoint = "sendmsg", SetLastError = true)]
    private static partial nint SendMessage(SafeSocketHandle socket, ref MessageHeader message, int flags);

    // struct iovec.
    private struct Vector
    {
        public nint Base;
        public nint Length;
    }

    // struct msghdr; musl's has the same layout where bytes are little-endian.
    private struct MessageHeader
    {
        public nint Name;
        public uint NameLength;
        public nint Vectors;
        public nint VectorCount;
        public nint Control;
        public nint ControlLength;
        public int Flags;
    }
}
