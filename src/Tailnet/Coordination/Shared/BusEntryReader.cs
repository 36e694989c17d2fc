using System.Diagnostics.CodeAnalysis;
using Tailnet.Wire;

namespace Tailnet.Coordination.Shared;

/// <summary>
/// Reads the entries of a frame. Unknown kinds, and bytes behind the known fields of an entry, are skipped: a later version may have more.
/// </summary>
internal ref struct BusEntryReader
{
    private ReadOnlySpan<byte> _rest;

    private BusEntryReader(ReadOnlySpan<byte> bytes) => _rest = bytes;

    /// <summary>Reads all entries. Returns false when one of them is malformed; then none counts.</summary>
    public static bool TryRead(ReadOnlySpan<byte> payload, [NotNullWhen(true)] out List<BusEntry>? entries)
    {
        entries = [];
        var frame = new BusEntryReader(payload);
        while (!frame._rest.IsEmpty)
        {
            if (!frame.TryByte(out var kind) || !frame.TryBytes(frame._rest.Length, out var fields))
            {
                entries = null;
                return false;
            }

            if (Enum.IsDefined((BusEntryKind)kind))
            {
                if (new BusEntryReader(fields).Read((BusEntryKind)kind) is not { } entry)
                {
                    entries = null;
                    return false;
                }

                entries.Add(entry);
            }
        }

        return true;
    }

    private BusEntry? Read(BusEntryKind kind) => kind switch
    {
        BusEntryKind.Node => TryVersion(out var peer, out var version) && TryBytes(NodeEntry.MaxNode, out var node)
            ? new NodeEntry(peer, version, node.ToArray()) : null,
        BusEntryKind.Pointer => TryVersion(out var peer, out var version) ? new PointerEntry(peer, version) : null,
        BusEntryKind.Claim => ReadClaim(),
        BusEntryKind.More => TryId(out var peer) && TryNumber(out var epoch) && TryIds(MoreEntry.MaxIds, out var ids)
            ? new MoreEntry(peer, epoch, ids) : null,
        BusEntryKind.Set => ReadSet(),
        BusEntryKind.Moving => TryVersion(out var peer, out var version) ? new MovingEntry(peer, version) : null,
        BusEntryKind.End => TryId(out var peer) && TryNumber(out var epoch) && TryByte(out var state)
            && (PeerState)state is PeerState.Lost or PeerState.Disconnected
                ? new EndEntry(peer, epoch, (PeerState)state) : null,
        BusEntryKind.Ready => TryId(out var from) && TryNumber(out var epoch) && TryId(out var to) ? new ReadyEntry(from, epoch, to) : null,
        BusEntryKind.Beat => TryNumber(out var beat) ? new BeatEntry(beat) : null,
        BusEntryKind.Server => TryId(out var server) && TryByte(out var state) && Enum.IsDefined((ServerState)state)
            ? new ServerEntry(server, (ServerState)state) : null,
        _ => null,
    };

    private ClaimEntry? ReadClaim()
    {
        if (!TryId(out var peer)
            || !TryNumber(out var epoch)
            || !TryNumber(out var nodeVersion)
            || !TryBytes(NodeEntry.MaxNode, out var node)
            || !TryNumber(out var tunnels)
            || !TryByte(out var isWhole)
            || isWhole > 1
            || !TryIds(MoreEntry.MaxIds, out var ids)
            || (isWhole == 0 && ids.Length > 0))
        {
            return null;
        }

        return new ClaimEntry(peer, epoch, nodeVersion, node.ToArray(), tunnels, isWhole == 1 ? ids : null);
    }

    private SetEntry? ReadSet()
    {
        if (!TryVersion(out var peer, out var version)
            || !TryUnsigned(out var from)
            || (from > long.MaxValue && from != ulong.MaxValue)
            || !TryIds(MoreEntry.MaxIds, out var added)
            || !TryIds(MoreEntry.MaxIds - added.Length, out var removed))
        {
            return null;
        }

        return new SetEntry(peer, version, from == ulong.MaxValue ? SetEntry.NoBase : (long)from, added, removed);
    }

    private bool TryVersion(out Guid peer, out StateVersion version)
    {
        version = default;
        if (!TryId(out peer) || !TryNumber(out var epoch) || !TryNumber(out var number))
        {
            return false;
        }

        version = new StateVersion(epoch, number);
        return true;
    }

    private bool TryIds(int most, out Guid[] ids)
    {
        ids = [];
        if (!TryNumber(out var count) || count > most || count * 16 > _rest.Length)
        {
            return false;
        }

        ids = new Guid[count];
        for (var i = 0; i < ids.Length; i++)
        {
            TryId(out ids[i]);
        }

        return true;
    }

    private bool TryId(out Guid id)
    {
        if (_rest.Length < 16)
        {
            id = default;
            return false;
        }

        id = new Guid(_rest[..16], bigEndian: true);
        _rest = _rest[16..];
        return true;
    }

    private bool TryBytes(int most, out ReadOnlySpan<byte> bytes)
    {
        bytes = default;
        if (!TryNumber(out var length) || length > most || length > _rest.Length)
        {
            return false;
        }

        bytes = _rest[..(int)length];
        _rest = _rest[(int)length..];
        return true;
    }

    private bool TryByte(out byte value)
    {
        value = _rest.IsEmpty ? (byte)0 : _rest[0];
        if (_rest.IsEmpty)
        {
            return false;
        }

        _rest = _rest[1..];
        return true;
    }

    private bool TryNumber(out long value)
    {
        var isThere = TryUnsigned(out var number) && number <= long.MaxValue;
        value = isThere ? (long)number : 0;
        return isThere;
    }

    private bool TryUnsigned(out ulong value)
    {
        var size = 0;
        var isRead = Leb128.TryRead(_rest, ref size, out value) == DrpcReadStatus.Done;
        _rest = _rest[size..];
        return isRead;
    }
}
