using System.Buffers;
using Tailnet.Drpc;
using Tailnet.Wire;

namespace Tailnet.Tests;

internal static class Packets
{
    /// <summary>All packets of some dRPC bytes, which must be whole; read in pieces of <paramref name="step"/> bytes.</summary>
    public static List<(DrpcKind Kind, ulong Message, byte[] Data)> Read(byte[] bytes, int step = int.MaxValue)
    {
        var assembler = new DrpcAssembler(4 * 1024 * 1024);
        var packets = new List<(DrpcKind, ulong, byte[])>();
        var left = ReadOnlySequence<byte>.Empty;
        var shown = 0;
        while (shown < bytes.Length || left.Length > 0)
        {
            var start = shown - (int)left.Length;
            var more = Math.Min(step, bytes.Length - shown);
            shown += more;
            left = new ReadOnlySequence<byte>(bytes, start, shown - start);
            DrpcReadStatus status;
            while ((status = assembler.TryRead(ref left, out var packet)) == DrpcReadStatus.Done)
            {
                packets.Add((packet.Kind, packet.Message, packet.Data.ToArray()));
            }

            Assert.Equal(DrpcReadStatus.NeedMore, status);
            Assert.True(more > 0 || left.IsEmpty, "The bytes end inside a packet.");
        }

        Assert.False(assembler.IsPartial);
        assembler.Release();
        return packets;
    }
}
