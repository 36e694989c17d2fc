using Relay.Streams;
using Relay.Streams.Resumption;
using Relay.Streams.Wire;
using Yarp.ReverseProxy.Model;

namespace Edge.Upgrades;

/// <summary>
/// Keeps terminals open over restarts of API servers: recognises the streams that can be resumed, and repeats their
/// requests.
/// </summary>
internal sealed class TerminalResumption(StreamConnector connector, StreamMetrics metrics, TerminalHealth health, TimeProvider time)
{
    private const string Extensions = "Sec-WebSocket-Extensions";

    // The shell's id. In an answer: the shell that was attached. In a request: the only shell to attach (docs/wire/terminal.md).
    private const string Shell = "Edge-Shell";

    // Tells the API server that the client had the terminal before: it answers 503 while its agent is not connected yet.
    private static readonly HttpHeader Resume = new("Edge-Resume", "1");

    private static readonly ResumeOptions Times = new();

    // Short while other servers may be available: a host that is gone does not answer at all.
    private static readonly AttachTimeouts FirstRound = new(TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(1.5));
    private static readonly AttachTimeouts LaterRounds = new(TimeSpan.FromSeconds(2), TimeSpan.FromSeconds(5));
    private static readonly UpgradeOptions Options = new();

    /// <summary>The data to resume a stream; null for a stream that cannot be resumed.</summary>
    public static ResumableTerminal? Find(HttpContext context, UpgradeRequest request, UpgradeAccepted accepted)
    {
        if (accepted.Framing is not StreamFraming.WebSocket
            || HasExtensions(accepted)
            || !IsTerminal(context.Request.Path.Value)
            || context.Request.Query["reconnect"].ToString().Length == 0
            || context.GetRouteModel().Cluster is not { } cluster
            || context.GetReverseProxyFeature().ProxiedDestination is not { } first)
        {
            return null;
        }

        // The first server has declined all extensions, so the next one must decline them too.
        var headers = request.Headers.Where(static header => !header.Is(Extensions) && !header.Is(Shell) && !header.Is(Resume.Name));
        var shell = accepted.Head.OnlyValue(Shell);
        HttpHeader[] shellHeader = shell is null ? [] : [new HttpHeader(Shell, shell)];
        return new ResumableTerminal(
            request with { Headers = [.. headers, .. shellHeader, Resume] },
            BasePath(first),
            cluster,
            first,
            shell);
    }

    /// <summary>The API server's end of the terminal, which changes servers. The caller still disposes of the first connection.</summary>
    /// <param name="first">The connection to the first API server.</param>
    /// <param name="terminal">The terminal.</param>
    /// <param name="place">The API server that the terminal is attached to, for <see cref="Remove"/>.</param>
    public ResumableServer CreateServer(StreamTransport first, ResumableTerminal terminal, out TerminalPlace place)
    {
        var current = place = new TerminalPlace(terminal.First);
        var server = new ResumableServer(first, cancellation => AttachAsync(terminal, current, cancellation), Times, metrics, time);
        health.Watch(server, current);
        return server;
    }

    /// <summary>Ends the watch of a terminal whose stream has ended.</summary>
    public void Remove(ResumableServer server, TerminalPlace place) => health.Remove(server, place);

    private static bool IsTerminal(string? path) => path is not null
        && path.StartsWith("/api/v2/workspaceagents/", StringComparison.Ordinal)
        && path.EndsWith("/pty", StringComparison.Ordinal)
        && path.AsSpan().Count('/') == 5;

    private static bool HasExtensions(UpgradeAccepted accepted) => accepted.Head.Headers.Any(static header => header.Is(Extensions));

    // A server that does not know the header has started a shell of its own.
    private static bool IsOtherShell(ResumableTerminal terminal, UpgradeAccepted accepted) =>
        terminal.Shell is not null && !string.Equals(terminal.Shell, accepted.Head.OnlyValue(Shell), StringComparison.OrdinalIgnoreCase);

    private static string BasePath(DestinationState destination) =>
        Uri.TryCreate(destination.Model.Config.Address, UriKind.Absolute, out var address)
            ? address.AbsolutePath.TrimEnd('/')
            : string.Empty;

    private async Task<AttachResult> AttachAsync(ResumableTerminal terminal, TerminalPlace place, CancellationToken cancellation)
    {
        var state = terminal.Cluster.DestinationsState;
        var destinations = state.AvailableDestinations.Count > 0 ? state.AvailableDestinations : state.AllDestinations;
        var timeouts = place.NextRound() == 0 && destinations.Count > 1 ? FirstRound : LaterRounds;
        var gone = 0;
        foreach (var destination in InOrder(destinations, place.Destination))
        {
            switch (await AttachAsync(terminal, destination, timeouts, cancellation))
            {
                case AttachResult.Unavailable:
                    break;
                case AttachResult.Gone:
                    gone++;
                    break;
                case var result:
                    place.MoveTo(destination);
                    return result;
            }
        }

        return gone > 0 ? new AttachResult.Gone(IsCertain: gone >= state.AllDestinations.Count) : new AttachResult.Unavailable();
    }

    /// <summary>The servers in the order of attempts: from a random one on, and the lost one last.</summary>
    internal static IEnumerable<DestinationState> InOrder(IReadOnlyList<DestinationState> destinations, DestinationState lost)
    {
        var start = destinations.Count > 0 ? Random.Shared.Next(destinations.Count) : 0;
        return Enumerable.Range(0, destinations.Count)
            .Select(i => destinations[(start + i) % destinations.Count])
            .OrderBy(destination => destination == lost);
    }

    private async Task<AttachResult> AttachAsync(
        ResumableTerminal terminal, DestinationState destination, AttachTimeouts timeouts, CancellationToken cancellation)
    {
        using var limit = new CancellationTokenSource(timeouts.Connect, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, cancellation);
        try
        {
            var settings = terminal.Cluster.Model.Config.HttpClient;
            await using var server = new Candidate(
                await connector.ConnectAsync(new Uri(destination.Model.Config.Address), settings, either.Token));
            limit.CancelAfter(timeouts.Answer);
            return await AskAsync(terminal, destination, server, either.Token);
        }
        catch (HttpRequestException)
        {
            return new AttachResult.Unavailable();
        }
        catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
        {
            return new AttachResult.Unavailable();
        }
    }

    private async Task<AttachResult> AskAsync(
        ResumableTerminal terminal, DestinationState destination, Candidate server, CancellationToken cancellation)
    {
        var target = terminal.Request.Target;
        var request = terminal.Request with
        {
            Target = target.StartsWith(terminal.BasePath, StringComparison.Ordinal)
                ? BasePath(destination) + target[terminal.BasePath.Length..]
                : target,
        };
        return await BackendUpgrade.SendAsync(server.Transport, request, Options, time, cancellation) switch
        {
            UpgradeAccepted accepted when IsOtherShell(terminal, accepted) => new AttachResult.Gone(IsCertain: false),
            UpgradeAccepted accepted when !HasExtensions(accepted) => new AttachResult.Attached(server.Detach()),
            UpgradeRefused { Head.Status: StatusCodes.Status410Gone } when terminal.Shell is not null =>
                new AttachResult.Gone(IsCertain: false),
            UpgradeRefused { Head.Status: >= 400 and < 500 } => new AttachResult.Refused(),
            _ => new AttachResult.Unavailable(),
        };
    }

    /// <summary>The times to connect to a server, TLS included, and then to get its answer.</summary>
    private readonly record struct AttachTimeouts(TimeSpan Connect, TimeSpan Answer);

    /// <summary>A connection that is closed unless it is detached.</summary>
    private sealed class Candidate(SocketTransport transport) : IAsyncDisposable
    {
        private bool _isDetached;

        public SocketTransport Transport => transport;

        public SocketTransport Detach()
        {
            _isDetached = true;
            return transport;
        }

        public ValueTask DisposeAsync() => _isDetached ? ValueTask.CompletedTask : transport.DisposeAsync();
    }
}
