using System.Threading.Channels;
using Relay.Derp.Client;
using Relay.Derp.Wire;
using Relay.Tests.Streams;

namespace Relay.Tests.Derp.Client;

/// <summary>A handler that records each call as a line.</summary>
internal sealed class ClientEvents : IDerpClientHandler
{
    private readonly Channel<string> _lines = Channel.CreateUnbounded<string>();

    public int Batches { get; private set; }

    /// <summary>Called for each packet, after its line.</summary>
    public Action<NodeKey>? Packet { get; init; }

    public static string PacketLine(NodeKey source, params byte[] packet) =>
        packet.Length > 64 ? $"packet {source.ToHex()} {packet.Length}" : $"packet {source.ToHex()} {Vectors.Hex(packet)}";

    public static string GoneLine(NodeKey key, PeerGoneReason reason) => $"gone {key.ToHex()} {reason}";

    public void OnConnected() => Add("connected");

    public void OnPacket(in NodeKey source, ReadOnlySpan<byte> packet)
    {
        Add(PacketLine(source, packet.ToArray()));
        Packet?.Invoke(source);
    }

    public void OnBatchEnd() => Batches++;

    public void OnPeerPresent(in NodeKey key) => Add($"present {key.ToHex()}");

    public void OnPeerGone(in NodeKey key, PeerGoneReason reason) => Add(GoneLine(key, reason));

    public void OnHealth(string text) => Add($"health {text}");

    public void OnRestarting(TimeSpan reconnectIn, TimeSpan tryFor) =>
        Add($"restarting {reconnectIn.TotalMilliseconds} {tryFor.TotalMilliseconds}");

    public async Task ExpectAsync(string line) => Assert.Equal(line, await _lines.Reader.ReadAsync().Soon());

    /// <summary>The lines that no assertion has consumed yet.</summary>
    public string[] Rest()
    {
        var lines = new List<string>();
        while (_lines.Reader.TryRead(out var line))
        {
            lines.Add(line);
        }

        return [.. lines];
    }

    private void Add(string line) => Assert.True(_lines.Writer.TryWrite(line));
}
