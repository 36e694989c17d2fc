using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;

namespace Relay.Stun;

/// <summary>
/// Receives datagrams on a socket that is bound to "any address", and answers each from the address that it was sent to: recvmsg(2) and
/// sendmsg(2) with IP_PKTINFO (ip(7)) or IPV6_PKTINFO (RFC 3542 §6). Linux only. .NET reports the destination address of a datagram, but
/// cannot choose the source address of an answer.
/// </summary>
internal sealed partial class PacketInformation
{
    // linux/in.h and linux/in6.h.
    private const int LevelIPv4 = 0;
    private const int LevelIPv6 = 41;
    private const int ReceivePacketInfo = 8;
    private const int ReceivePacketInfoIPv6 = 49;
    private const int Interrupted = 4;

    // Space for one control message of either family, with its header.
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

    /// <summary>Returns null where the system does not report destination addresses.</summary>
    /// <param name="socket">A bound socket without asynchronous operations.</param>
    /// <param name="maxDatagram">The most bytes that are read of a datagram; the rest is cut off.</param>
    public static PacketInformation? TryEnable(Socket socket, int maxDatagram)
    {
        if (!OperatingSystem.IsLinux() || !BitConverter.IsLittleEndian)
        {
            return null;
        }

        var information = new PacketInformation(socket, maxDatagram);
        try
        {
            var (level, option) = information._isIPv6 ? (LevelIPv6, ReceivePacketInfoIPv6) : (LevelIPv4, ReceivePacketInfo);
            socket.SetRawSocketOption(level, option, BitConverter.GetBytes(1));
            return information;
        }
        catch (SocketException)
        {
            // The kernel or a sandbox lacks the option: the system then chooses the source address of answers.
            return null;
        }
    }

    /// <summary>Returns the first bytes of the last datagram.</summary>
    public ReadOnlySpan<byte> Data(int length) => _data.AsSpan(0, length);

    /// <summary>Copies the address of the last datagram's sender.</summary>
    public void CopySender(SocketAddress to)
    {
        _name.AsSpan(0, _nameLength).CopyTo(to.Buffer.Span);
        to.Size = _nameLength;
    }

    /// <summary>Waits for a datagram.</summary>
    /// <returns>The datagram's length in bytes; below 0 for an error of the socket.</returns>
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

    /// <summary>Answers the last datagram, from the address that it was sent to.</summary>
    /// <returns>False when the answer could not be sent.</returns>
    /// <exception cref="ObjectDisposedException">The socket was closed.</exception>
    public bool TryAnswer(ReadOnlySpan<byte> answer)
    {
        answer.CopyTo(_data);
        FreeInterface();

        // Nothing can be sent from a broadcast or multicast address, or from a removed one: then the system chooses the source address.
        return TrySend(answer.Length, _controlLength) || (_controlLength > 0 && TrySend(answer.Length, 0));
    }

    // Clears the interface, so that the routing table decides on the route. Only a link-local address needs its interface.
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
