using System.Buffers;
using Tailnet.Wire;

namespace Tailnet.Coordination.Shared;

/// <summary>
/// Writes entries of the bus: a kind, the length of the fields as a varint, the fields (docs/wire/coordination-bus.md). Ids are UUIDs in
/// network order, numbers are unsigned LEB128.
/// </summary>
internal static class BusEntryWriter
{
    /// <summary>Returns the encoded entry.</summary>
    /// <exception cref="ArgumentException">The entry has a negative number, too large a node, too many ids, or another state.</exception>
    public static byte[] Write(BusEntry entry)
    {
        var fields = new ArrayBufferWriter<byte>();
        var kind = WriteFields(entry, fields);
        var written = new ArrayBufferWriter<byte>(fields.WrittenCount + 4);
        Byte(written, (byte)kind);
        Number(written, fields.WrittenCount);
        written.Write(fields.WrittenSpan);
        return written.WrittenSpan.ToArray();
    }

    private static BusEntryKind WriteFields(BusEntry entry, ArrayBufferWriter<byte> fields)
    {
        switch (entry)
        {
            case NodeEntry node:
                Version(fields, node.Peer, node.Version);
                Node(fields, node.Node);
                return BusEntryKind.Node;
            case PointerEntry pointer:
                Version(fields, pointer.Peer, pointer.Version);
                return BusEntryKind.Pointer;
            case ClaimEntry claim:
                Id(fields, claim.Peer);
                Number(fields, claim.Epoch);
                Number(fields, claim.Node);
                Node(fields, claim.Encoded);
                Number(fields, claim.Tunnels);
                Byte(fields, (byte)(claim.Targets is null ? 0 : 1));
                Ids(fields, claim.Targets ?? []);
                return BusEntryKind.Claim;
            case MoreEntry more:
                Id(fields, more.Peer);
                Number(fields, more.Epoch);
                Ids(fields, more.Targets);
                return BusEntryKind.More;
            case SetEntry set:
                Expect(set.Added.Count + set.Removed.Count <= MoreEntry.MaxIds, "too many ids");
                Version(fields, set.Peer, set.Version);
                Unsigned(fields, set.Base == SetEntry.NoBase ? ulong.MaxValue : Positive(set.Base));
                Ids(fields, set.Added);
                Ids(fields, set.Removed);
                return BusEntryKind.Set;
            case MovingEntry moving:
                Version(fields, moving.Peer, moving.Version);
                return BusEntryKind.Moving;
            case EndEntry end:
                Expect(end.State is PeerState.Lost or PeerState.Disconnected, "no end");
                Id(fields, end.Peer);
                Number(fields, end.Epoch);
                Byte(fields, (byte)end.State);
                return BusEntryKind.End;
            case ReadyEntry ready:
                Id(fields, ready.From);
                Number(fields, ready.Epoch);
                Id(fields, ready.To);
                return BusEntryKind.Ready;
            case BeatEntry beat:
                Number(fields, beat.Beat);
                return BusEntryKind.Beat;
            case ServerEntry server:
                Expect(Enum.IsDefined(server.State), "no state of a server");
                Id(fields, server.Server);
                Byte(fields, (byte)server.State);
                return BusEntryKind.Server;
            default:
                throw new ArgumentException($"There is no kind for {entry.GetType().Name}.", nameof(entry));
        }
    }

    private static void Version(ArrayBufferWriter<byte> fields, Guid peer, StateVersion version)
    {
        Id(fields, peer);
        Number(fields, version.Epoch);
        Number(fields, version.Number);
    }

    private static void Node(ArrayBufferWriter<byte> fields, ReadOnlyMemory<byte> node)
    {
        Expect(node.Length <= NodeEntry.MaxNode, "too large a node");
        Number(fields, node.Length);
        fields.Write(node.Span);
    }

    private static void Ids(ArrayBufferWriter<byte> fields, IReadOnlyList<Guid> ids)
    {
        Expect(ids.Count <= MoreEntry.MaxIds, "too many ids");
        Number(fields, ids.Count);
        foreach (var id in ids)
        {
            Id(fields, id);
        }
    }

    private static void Id(ArrayBufferWriter<byte> fields, Guid id)
    {
        id.TryWriteBytes(fields.GetSpan(16), bigEndian: true, out var count);
        fields.Advance(count);
    }

    private static void Byte(ArrayBufferWriter<byte> fields, byte value)
    {
        fields.GetSpan(1)[0] = value;
        fields.Advance(1);
    }

    private static void Number(ArrayBufferWriter<byte> fields, long value) => Unsigned(fields, Positive(value));

    private static ulong Positive(long value)
    {
        Expect(value >= 0, "a negative number");
        return (ulong)value;
    }

    private static void Unsigned(ArrayBufferWriter<byte> fields, ulong value) =>
        fields.Advance(Leb128.Write(fields.GetSpan(Leb128.MaxSize), value));

    private static void Expect(bool condition, string what)
    {
        if (!condition)
        {
            throw new ArgumentException($"The entry has {what}.");
        }
    }
}

/// <summary>The kinds of entries, by their numbers in a frame.</summary>
internal enum BusEntryKind : byte
{
    Node = 1,
    Pointer = 2,
    Claim = 3,
    More = 4,
    Set = 5,
    Moving = 6,
    End = 7,
    Ready = 8,
    Beat = 9,
    Server = 10,
}
