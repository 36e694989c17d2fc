using System.IO.Pipelines;
using Tailnet.Wire;
using Tailnet.Yamux;

namespace Tailnet.Tests;

/// <summary>A session under test whose peer is the test itself, frame by frame. It runs inline, as the API server's do.</summary>
internal sealed class RawYamux : IAsyncDisposable
{
    private readonly IDuplexPipe _peer;

    public RawYamux(YamuxOptions? options = null, YamuxRole role = YamuxRole.Acceptor, int buffer = 64 * 1024)
    {
        var pair = new PipePair(buffer);
        _peer = pair.Far;
        Session = new YamuxSession(pair.Near, role, (options ?? new YamuxOptions()) with { RunsInline = true }, Clock);
        Running = Session.RunAsync();
    }

    public ManualTimeProvider Clock { get; } = new();

    public YamuxSession Session { get; }

    public Task<YamuxCloseReason> Running { get; }

    public async Task SendAsync(YamuxType type, YamuxFlags flags, uint stream, uint length, byte[]? body = null)
    {
        new YamuxHeader(type, flags, stream, length).Write(_peer.Output.GetSpan(YamuxHeader.Size));
        _peer.Output.Advance(YamuxHeader.Size);
        await _peer.Output.WriteAsync(body ?? []).Soon();
    }

    public Task SendBytesAsync(byte[] bytes) => _peer.Output.WriteAsync(bytes).Soon();

    public Task EndAsync() => _peer.Output.CompleteAsync().Soon();

    public Task OpenAsync(uint stream) => SendAsync(YamuxType.WindowUpdate, YamuxFlags.Syn, stream, 0);

    public async Task<YamuxHeader> ReadAsync()
    {
        Assert.True(YamuxHeader.TryRead(await _peer.Input.TakeAsync(YamuxHeader.Size), out var header));
        return header;
    }

    public Task<byte[]> ReadBodyAsync(uint length) => _peer.Input.TakeAsync((int)length);

    public Task<byte[]> ReadRestAsync() => _peer.Input.TakeAllAsync();

    public async ValueTask DisposeAsync()
    {
        Session.Close();
        await _peer.Input.CompleteAsync();
        await _peer.Output.CompleteAsync();
        await Running.Soon();
    }
}
