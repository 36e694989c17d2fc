using System.Runtime.CompilerServices;
using Tailnet.Wire;

namespace Tailnet.Tests;

/// <summary>One recorded exchange of the field's own libraries (Vectors/*.txt).</summary>
internal sealed class Vector
{
    private readonly List<(bool Client, byte[] Bytes)> _writes;

    private Vector(List<(bool Client, byte[] Bytes)> writes) => _writes = writes;

    public static Vector Load(string name) =>
        new([.. File.ReadAllLines(Path.Combine(Folder(), name + ".txt")).Where(static line => line.Length > 0).Select(static line =>
        {
            var parts = line.Split(' ');
            return (parts[0] == "client", Convert.FromHexString(parts[1]));
        })]);

    /// <summary>All yamux bytes of one side.</summary>
    public byte[] Bytes(bool client) => [.. _writes.Where(write => write.Client == client).SelectMany(static write => write.Bytes)];

    /// <summary>The dRPC bytes of one side.</summary>
    public byte[] Drpc(bool client) => [.. Canonical(Bytes(client)).Where(static frame => frame.Header.Type == YamuxType.Data)
        .SelectMany(static frame => frame.Body)];

    /// <summary>
    /// Yamux frames with data frames that follow each other joined, and stream ids counted from 1: where data is cut into frames, and
    /// which stream of its session this was, are free.
    /// </summary>
    public static List<(YamuxHeader Header, byte[] Body)> Canonical(byte[] bytes)
    {
        var frames = new List<(YamuxHeader Header, byte[] Body)>();
        var position = 0;
        while (position < bytes.Length)
        {
            Assert.True(YamuxHeader.TryRead(bytes.AsSpan(position), out var header));
            position += YamuxHeader.Size;
            byte[] body = [];
            if (header.Type == YamuxType.Data)
            {
                body = bytes[position..(position + (int)header.Length)];
                position += body.Length;
            }

            header = header with { StreamId = Math.Min(1, header.StreamId) };
            if (frames.Count > 0 && header.Type == YamuxType.Data && header.Flags == 0 && frames[^1].Header.Type == YamuxType.Data)
            {
                var joined = frames[^1].Body.Concat(body).ToArray();
                frames[^1] = (header with { Length = (uint)joined.Length }, joined);
            }
            else
            {
                frames.Add((header, body));
            }
        }

        return frames;
    }

    private static string Folder([CallerFilePath] string file = "") => Path.Combine(Path.GetDirectoryName(file)!, "Vectors");
}
