using Microsoft.Extensions.Logging;
using Tailnet.Drpc;
using Tailnet.Yamux;

namespace Tailnet.Tests;

/// <summary>A client and a server of ours over one yamux session in memory; the server's runs inline, as the API server's do.</summary>
internal sealed class DrpcPair : IAsyncDisposable
{
    private readonly Task _running;

    public DrpcPair(DrpcRouter router, ILogger? logger = null, Func<Exception, bool>? isKnown = null)
    {
        var pair = new PipePair();
        Dialer = new YamuxSession(pair.Near, YamuxRole.Dialer);
        Acceptor = new YamuxSession(pair.Far, YamuxRole.Acceptor, new YamuxOptions { RunsInline = true });
        Client = new DrpcClient(Dialer);
        Ended = Task.WhenAll(Dialer.RunAsync(), Acceptor.RunAsync());
        _running = Task.WhenAll(Ended, new DrpcServer(router, logger: logger, isKnown: isKnown).ServeAsync(Acceptor));
    }

    public YamuxSession Dialer { get; }

    public YamuxSession Acceptor { get; }

    public DrpcClient Client { get; }

    /// <summary>Completes when both sessions are over.</summary>
    public Task Ended { get; }

    public async ValueTask DisposeAsync()
    {
        Dialer.Dispose();
        await _running.Soon();
        Acceptor.Dispose();
    }
}
