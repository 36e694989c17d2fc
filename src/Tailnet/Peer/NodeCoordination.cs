using System.Threading.Channels;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Microsoft.Extensions.Logging;
using Tailnet.Coordination;
using Tailnet.Ip.Wire;
using Tailnet.Messages;
using Kind = Tailnet.Messages.CoordinateResponse.Types.PeerUpdate.Types.Kind;

namespace Tailnet.Peer;

/// <summary>
/// The coordination of a tailnet node: announces the node, requests tunnels to agents, and passes the agents' nodes to the stack. It begins
/// at the first home, and begins again with all tunnels when the coordinator has ended it.
/// </summary>
internal sealed partial class NodeCoordination(
    ICoordinator coordinator,
    NodeKey key,
    byte[] disco,
    Ipv6Address address,
    TailnetNodeOptions options,
    TimeProvider time,
    ILogger logger) : ITunnelOutput
{
    // The prefix of an error about READY_FOR_HANDSHAKE, which does not end the coordination (tailnet.md §3.7).
    private const string HarmlessError = "ready for handshake error:";

    // The coordinator stops, with its host or to be replaced.
    private const string CoordinatorClosed = "coordinator closed";

    private readonly Guid _id = Guid.NewGuid();

    // Agents before v2.8 identify nodes by this number.
    private readonly long _nodeId = Random.Shared.NextInt64(1, long.MaxValue);
    private readonly string _disco = "discokey:" + Convert.ToHexStringLower(disco);
    private readonly Lock _lock = new();
    private readonly HashSet<Guid> _tunnels = [];
    private readonly Channel<CoordinateRequest> _requests = Channel.CreateUnbounded<CoordinateRequest>(new() { SingleReader = true });
    private readonly TaskCompletionSource _hasHome = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private int _home;

    /// <summary>Announces the node's home region, now and at each begin of the coordination.</summary>
    public void SetHome(int region)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(region);
        lock (_lock)
        {
            if (_home != region)
            {
                _home = region;
                _requests.Writer.TryWrite(Announcement());
            }
        }

        _hasHome.TrySetResult();
    }

    /// <inheritdoc/>
    public void Add(Guid agent)
    {
        lock (_lock)
        {
            _tunnels.Add(agent);
            _requests.Writer.TryWrite(AddTunnel(agent));
        }
    }

    /// <inheritdoc/>
    public void Remove(Guid agent)
    {
        lock (_lock)
        {
            _tunnels.Remove(agent);
            _requests.Writer.TryWrite(new CoordinateRequest { RemoveTunnel = new() { Id = PeerIds.Write(agent) } });
        }
    }

    /// <summary>Coordinates until it is cancelled.</summary>
    public async Task RunAsync(TailnetStack stack, CancellationToken cancellation)
    {
        await _hasHome.Task.WaitAsync(cancellation).ConfigureAwait(false);
        var wait = options.FirstReconnect;
        while (true)
        {
            var began = time.GetTimestamp();
            await RunSessionAsync(stack, cancellation).ConfigureAwait(false);
            foreach (var agent in Tunnels())
            {
                stack.Lost(agent);
            }

            wait = time.GetElapsedTime(began) > options.LastReconnect ? options.FirstReconnect : wait;
            await Task.Delay(wait, time, cancellation).ConfigureAwait(false);
            wait = wait * 2 < options.LastReconnect ? wait * 2 : options.LastReconnect;
        }
    }

    private static CoordinateRequest AddTunnel(Guid agent) => new() { AddTunnel = new() { Id = PeerIds.Write(agent) } };

    private async Task RunSessionAsync(TailnetStack stack, CancellationToken cancellation)
    {
        var session = await coordinator.ConnectAsync(_id, CoordinateeAuth.Server, cancellation).ConfigureAwait(false);
        await using var disposal = session.ConfigureAwait(false);
        using var ended = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        var sending = SendOrEndAsync(session, ended);
        try
        {
            while (await session.ReadAsync(ended.Token).ConfigureAwait(false) is { } response)
            {
                if (response.Error is { Length: > 0 } error)
                {
                    if (error != CoordinatorClosed)
                    {
                        Refused(logger, error);
                    }

                    if (!error.StartsWith(HarmlessError, StringComparison.Ordinal))
                    {
                        return;
                    }
                }

                foreach (var update in response.PeerUpdates)
                {
                    Apply(stack, update);
                }
            }
        }
        finally
        {
            // An error of the coordinator in a request is the session's error.
            await ended.CancelAsync().ConfigureAwait(false);
            await sending.ConfigureAwait(false);
        }
    }

    /// <summary>Sends until the session ends. An error ends the session too.</summary>
    private async Task SendOrEndAsync(ICoordinatedPeer session, CancellationTokenSource ended)
    {
        try
        {
            await SendAsync(session, ended.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (ended.IsCancellationRequested)
        {
            // The reads have ended.
        }
        catch
        {
            await ended.CancelAsync().ConfigureAwait(false);
            throw;
        }
    }

    /// <summary>Sends the node and all tunnels, and then each change. An end of the session ends the reads too.</summary>
    private async Task SendAsync(ICoordinatedPeer session, CancellationToken cancellation)
    {
        List<CoordinateRequest> first;
        lock (_lock)
        {
            // The changes until now are in the state that follows.
            while (_requests.Reader.TryRead(out _))
            {
            }

            first = [Announcement(), .. _tunnels.Select(AddTunnel)];
        }

        foreach (var request in first)
        {
            if (!await session.HandleAsync(request, cancellation).ConfigureAwait(false))
            {
                return;
            }
        }

        await foreach (var request in _requests.Reader.ReadAllAsync(cancellation).ConfigureAwait(false))
        {
            if (!await session.HandleAsync(request, cancellation).ConfigureAwait(false))
            {
                return;
            }
        }
    }

    private void Apply(TailnetStack stack, CoordinateResponse.Types.PeerUpdate update)
    {
        if (!PeerIds.TryRead(update.Id, out var agent))
        {
            return;
        }

        switch (update.Kind)
        {
            case Kind.Node when update.Node is { } node:
                if (!AgentNode.TryRead(node, out var read) || !stack.SetNode(agent, read.Key, read.Disco, read.Addresses, read.Home))
                {
                    BadNode(logger, agent);
                }

                break;
            case Kind.ReadyForHandshake:
                stack.PeerIsReady(agent);
                break;
            case Kind.Disconnected:
                stack.Disconnected(agent);
                break;
            case Kind.Lost:
                stack.Lost(agent);
                break;
        }
    }

    private Guid[] Tunnels()
    {
        lock (_lock)
        {
            return [.. _tunnels];
        }
    }

    private CoordinateRequest Announcement()
    {
        Span<byte> bytes = stackalloc byte[AgentNode.KeyPrefix.Length + NodeKey.Size];
        AgentNode.KeyPrefix.CopyTo(bytes);
        key.Write(bytes[AgentNode.KeyPrefix.Length..]);
        var prefix = address + "/128";
        return new()
        {
            UpdateSelf = new()
            {
                Node = new()
                {
                    Id = _nodeId,
                    AsOf = Timestamp.FromDateTimeOffset(time.GetUtcNow()),
                    Key = ByteString.CopyFrom(bytes),
                    Disco = _disco,
                    PreferredDerp = _home,
                    Addresses = { prefix },
                    AllowedIps = { prefix },
                },
            },
        };
    }

    [LoggerMessage(3021, LogLevel.Warning, "The coordinator refused a request of the tailnet node: {Error}")]
    private static partial void Refused(ILogger logger, string error);

    [LoggerMessage(
        3022, LogLevel.Debug, "The node of agent {Agent} cannot be used: it has no home region, no IPv6 address, or an unusable key")]
    private static partial void BadNode(ILogger logger, Guid agent);
}
