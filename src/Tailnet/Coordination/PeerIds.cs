using Google.Protobuf;

namespace Tailnet.Coordination;

/// <summary>Peer ids on the wire: the 16 bytes of a UUID in network order.</summary>
public static class PeerIds
{
    /// <summary>Reads an id. Returns false unless there are exactly 16 bytes.</summary>
    /// <param name="bytes">The bytes of the message.</param>
    /// <param name="id">The id.</param>
    public static bool TryRead(ByteString bytes, out Guid id)
    {
        id = bytes.Length == 16 ? new Guid(bytes.Span, bigEndian: true) : Guid.Empty;
        return bytes.Length == 16;
    }

    /// <summary>Returns the bytes of an id.</summary>
    /// <param name="id">The id.</param>
    public static ByteString Write(Guid id) => UnsafeByteOperations.UnsafeWrap(id.ToByteArray(bigEndian: true));
}
