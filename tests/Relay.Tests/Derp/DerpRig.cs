using System.IO.Pipelines;
using System.Net;
using Relay.Derp;
using Relay.Derp.Client;
using Relay.Derp.Wire;

namespace Relay.Tests.Derp;

/// <summary>A server with a clock of the test's, and clients over pipes in memory.</summary>
internal sealed class DerpRig : IDisposable
{
    public DerpRig(
        Action<DerpServerOptions>? configure = null, Func<DerpAdmissionRequest, CancellationToken, ValueTask<bool>>? admission = null)
    {
        configure?.Invoke(Options);
        Server = new DerpServer(NodePrivateKey.Generate(), Options, Clock) { Admission = admission };
        Assert.True(MeshKey.TryParse(Vectors.MeshKey, out var key));
        Server.MeshKey = key;
        ClientHeartbeat = new DerpClientHeartbeat(Clock);
    }

    public DerpServerOptions Options { get; } = new() { QueueBytesTotal = 256 * 1024 * 1024 };

    public ManualTimeProvider Clock { get; } = new();

    public DerpServer Server { get; }

    /// <summary>The timer of the server's mesh links.</summary>
    public DerpClientHeartbeat ClientHeartbeat { get; }

    /// <summary>A connection on which nothing has been said yet.</summary>
    /// <param name="key">The client's key, or null for a new one.</param>
    /// <param name="pause">Bytes that the client leaves unread before the server's output is full.</param>
    /// <param name="address">Where the client seems to be.</param>
    public DerpTestClient Connect(NodePrivateKey? key = null, long pause = 64 * 1024, string address = "203.0.113.7:41641")
    {
        var (up, down) =
            (new Pipe(), new Pipe(new PipeOptions(pauseWriterThreshold: pause, resumeWriterThreshold: Math.Max(1, pause / 2))));
        var transport = new DerpTransport(up.Reader, new DerpPipeOutput(down.Writer)) { RemoteEndPoint = IPEndPoint.Parse(address) };
        var served = Server.RunAsync(transport, CancellationToken.None);
        return new DerpTestClient(key ?? NodePrivateKey.Generate(), down.Reader, up.Writer, served);
    }

    public Task<DerpTestClient> GreetAsync(NodePrivateKey? key = null, string? meshKey = null, long pause = 64 * 1024) =>
        Connect(key, pause).GreetAsync(meshKey);

    public void Dispose()
    {
        ClientHeartbeat.Dispose();
        Server.Dispose();
    }
}
