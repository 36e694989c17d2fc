using System.IO.Pipelines;
using Relay.Derp;
using Relay.Derp.Client;
using Relay.Derp.Wire;
using Relay.Tests.Streams;

namespace Relay.Tests.Derp.Client;

/// <summary>A relay that sends the frames of the test, and its client over pipes.</summary>
internal sealed class TestRelay : IAsyncDisposable
{
    private readonly Pipe _down = new();
    private readonly Pipe _up;
    private readonly CancellationTokenSource _stop = new();
    private readonly DerpClientHeartbeat _heartbeat;
    private bool _isClosed;

    public TestRelay(
        DerpClientOptions? options = null, long pause = 64 * 1024, ClientEvents? events = null, bool isStopped = false)
    {
        if (isStopped)
        {
            _stop.Cancel();
        }

        Events = events ?? new ClientEvents();
        _up = new Pipe(new PipeOptions(pauseWriterThreshold: pause, resumeWriterThreshold: Math.Max(1, pause / 2)));
        _heartbeat = new DerpClientHeartbeat(Clock);
        var transport = new DerpTransport(_down.Reader, new DerpPipeOutput(_up.Writer));
        Client = new DerpClient(transport, ClientKey, Events, _heartbeat, options);
        Ended = Client.RunAsync(_stop.Token);
    }

    public static NodePrivateKey Key => Vectors.Server;

    public static NodePrivateKey ClientKey => Vectors.A;

    public ManualTimeProvider Clock { get; } = new();

    public ClientEvents Events { get; }

    public DerpClient Client { get; }

    public Task<DerpClientCloseReason> Ended { get; }

    /// <summary>The ServerInfo for the client.</summary>
    public static byte[] ServerInfo() => DerpHandshake.ServerInfo(Key.BoxWith(ClientKey.PublicKey));

    public static byte[] RecvPacket(NodeKey source, params byte[] packet) =>
        DerpTestClient.Frame(DerpFrameType.RecvPacket, [.. DerpTestClient.Bytes(source), .. packet]);

    public async Task WriteAsync(params byte[] bytes) => await _down.Writer.WriteAsync(bytes);

    public Task<(DerpFrameType Type, byte[] Payload)> NextAsync() => DerpTestClient.NextAsync(_up.Reader);

    /// <summary>Sends ServerKey, and reads ClientInfo.</summary>
    public async Task<ClientInfo> AskAsync()
    {
        await WriteAsync(DerpHandshake.ServerKey(Key.PublicKey));
        var (type, payload) = await NextAsync();
        Assert.Equal(DerpFrameType.ClientInfo, type);
        var info = DerpHandshake.OpenClientInfo(Key, payload, out var key, out _);
        Assert.Equal(ClientKey.PublicKey, key);
        return info!;
    }

    /// <summary>Does the whole handshake.</summary>
    public async Task<TestRelay> GreetAsync()
    {
        await AskAsync();
        await WriteAsync(ServerInfo());
        await Events.ExpectAsync("connected");
        return this;
    }

    /// <summary>Ends the stream to the client.</summary>
    public async Task CloseAsync()
    {
        _isClosed = true;
        await _down.Writer.CompleteAsync();
    }

    public Task StopAsync() => _stop.CancelAsync();

    /// <summary>Checks that the client has ended and completed both pipes.</summary>
    public async Task ExpectEndAsync(DerpClientCloseReason reason)
    {
        Assert.Equal(reason, await Ended.Soon());
        Assert.False(Client.IsConnected);
        Assert.False(Client.TrySend(Key.PublicKey, [1]));
        Assert.True(_isClosed || (await _down.Writer.FlushAsync().Soon()).IsCompleted);
        while ((await NextAsync()).Type != DerpFrameType.None)
        {
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await Ended.ContinueWith(static _ => { }, TaskScheduler.Default).Soon();
        _heartbeat.Dispose();
        _stop.Dispose();
    }
}
