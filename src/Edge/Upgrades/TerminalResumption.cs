using Relay.Streams;
using Relay.Streams.Resumption;
using Relay.Streams.Wire;
using Yarp.ReverseProxy.Model;

namespace Edge.Upgrades;

/// <summary>Keeps terminals over restarts of API servers: knows which streams can be resumed, and sends their requests again.</summary>
internal sealed class TerminalResumption(StreamConnector connector, StreamMetrics metrics, TerminalHealth health, TimeProvider time)
{
    private const string Extensions = "Sec-WebSocket-Extensions";

    // Names the shell: in the answer the one that there is, in the request the only one that will do (docs/wire/terminal.md).
    private const string Shell = "Edge-Shell";

    private static readonly ResumeOptions Times = new();

    // A server that takes longer is no better than none, while others may be there: a host that is gone says nothing.
    private static readonly Patience First = new(TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(1.5));
    private static readonly Patience Later = new(TimeSpan.FromSeconds(2), TimeSpan.FromSeconds(5));
    private static readonly UpgradeOptions Bounds = new();

    /// <summary>Null for a stream that cannot be resumed.</summary>
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

        // The first server has declined all extensions, and the next one must not do otherwise.
        var headers = request.Headers.Where(static header => !header.Is(Extensions) && !header.Is(Shell));
        var shell = accepted.Head.OnlyValue(Shell);
        return new ResumableTerminal(
            request with { Headers = [.. headers, .. shell is null ? Array.Empty<HttpHeader>() : [new HttpHeader(Shell, shell)]] },
            BasePath(first),
            cluster,
            first,
            shell);
    }

    /// <summary>The API server's end of the terminal, whichever server that is. The first one is still its owner's to dispose.</summary>
    /// <param name="first">The first API server.</param>
    /// <param name="terminal">The terminal.</param>
    /// <param name="place">The API server that the terminal is with, for <see cref="Forget"/>.</param>
    public ResumableServer Carry(StreamTransport first, ResumableTerminal terminal, out TerminalPlace place)
    {
        var current = place = new TerminalPlace(terminal.First);
        var server = new ResumableServer(first, cancellation => AttachAsync(terminal, current, cancellation), Times, metrics, time);
        health.Watch(server, current);
        return server;
    }

    /// <summary>The stream has ended.</summary>
    public void Forget(ResumableServer server, TerminalPlace place) => health.Forget(server, place);

    private static bool IsTerminal(string? path) =>
        path is not null && path.StartsWith("/api/v2/workspaceagents/", StringComparison.Ordinal) && path.EndsWith("/pty", StringComparison.Ordinal)
        && path.AsSpan().Count('/') == 5;

    private static bool HasExtensions(UpgradeAccepted accepted) => accepted.Head.Headers.Any(static header => header.Is(Extensions));

    // A server that knows nothing of shells' names has begun one of its own.
    private static bool IsOtherShell(ResumableTerminal terminal, UpgradeAccepted accepted) =>
        terminal.Shell is not null && !string.Equals(terminal.Shell, accepted.Head.OnlyValue(Shell), StringComparison.OrdinalIgnoreCase);

    private static string BasePath(DestinationState destination) =>
        Uri.TryCreate(destination.Model.Config.Address, UriKind.Absolute, out var address) ? address.AbsolutePath.TrimEnd('/') : string.Empty;

    private async Task<AttachResult> AttachAsync(ResumableTerminal terminal, TerminalPlace place, CancellationToken cancellation)
    {
        var state = terminal.Cluster.DestinationsState;
        var destinations = state.AvailableDestinations.Count > 0 ? state.AvailableDestinations : state.AllDestinations;
        var patience = place.NextRound() == 0 && destinations.Count > 1 ? First : Later;
        var gone = 0;
        foreach (var destination in InTurn(destinations, place.Destination))
        {
            switch (await AttachAsync(terminal, destination, patience, cancellation))
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

    /// <summary>Each from a chance one on, and at last the one that was lost.</summary>
    internal static IEnumerable<DestinationState> InTurn(IReadOnlyList<DestinationState> destinations, DestinationState lost)
    {
        var start = destinations.Count > 0 ? Random.Shared.Next(destinations.Count) : 0;
        return Enumerable.Range(0, destinations.Count).Select(i => destinations[(start + i) % destinations.Count]).OrderBy(destination => destination == lost);
    }

    private async Task<AttachResult> AttachAsync(
        ResumableTerminal terminal, DestinationState destination, Patience patience, CancellationToken cancellation)
    {
        using var limit = new CancellationTokenSource(patience.Connect, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, cancellation);
        try
        {
            await using var server = new Candidate(
                await connector.ConnectAsync(new Uri(destination.Model.Config.Address), terminal.Cluster.Model.Config.HttpClient, either.Token));
            limit.CancelAfter(patience.Answer);
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
            Target = target.StartsWith(terminal.BasePath, StringComparison.Ordinal) ? BasePath(destination) + target[terminal.BasePath.Length..] : target,
        };
        return await BackendUpgrade.SendAsync(server.Transport, request, Bounds, time, cancellation) switch
        {
            UpgradeAccepted accepted when IsOtherShell(terminal, accepted) => new AttachResult.Gone(IsCertain: false),
            UpgradeAccepted accepted when !HasExtensions(accepted) => new AttachResult.Attached(server.Keep()),
            UpgradeRefused { Head.Status: StatusCodes.Status410Gone } when terminal.Shell is not null => new AttachResult.Gone(IsCertain: false),
            UpgradeRefused { Head.Status: >= 400 and < 500 } => new AttachResult.Refused(),
            _ => new AttachResult.Unavailable(),
        };
    }

    /// <summary>How long a server may take to be connected to, TLS included, and then to answer.</summary>
    private readonly record struct Patience(TimeSpan Connect, TimeSpan Answer);

    /// <summary>A connection that is let go unless it is kept.</summary>
    private sealed class Candidate(SocketTransport transport) : IAsyncDisposable
    {
        private bool _isKept;

        public SocketTransport Transport => transport;

        public SocketTransport Keep()
        {
            _isKept = true;
            return transport;
        }

        public ValueTask DisposeAsync() => _isKept ? ValueTask.CompletedTask : transport.DisposeAsync();
    }
}
