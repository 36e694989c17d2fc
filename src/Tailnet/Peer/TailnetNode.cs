using System.Security.Cryptography;
using Microsoft.Extensions.Logging;
using Tailnet.Coordination;
using Tailnet.Disco;
using Tailnet.Ip.Tcp;
using Tailnet.Ip.Wire;
using Tailnet.WireGuard;

namespace Tailnet.Peer;

/// <summary>
/// This process as a node of the tailnet, which dials agents. The coordinator tells it the agents' nodes, and the owner's relays carry its
/// messages. Its disco key and its address are new at each start, and nothing is stored.
/// </summary>
public sealed class TailnetNode : IAgentDialer, IDisposable
{
    private readonly WireGuardIdentity _identity;
    private readonly DiscoKeys _disco = new();
    private readonly NodeCoordination _coordination;
    private readonly TailnetStack _stack;
    private readonly TimeProvider _time;

    /// <summary>Creates a node. It dials from the first home on, while <see cref="RunAsync"/> runs.</summary>
    /// <param name="coordinator">The coordinator. It must allow tunnels to all agents.</param>
    /// <param name="identity">The key pair. The node disposes it.</param>
    /// <param name="relays">Carries the messages to the agents.</param>
    /// <param name="options">Limits and times.</param>
    /// <param name="time">The clock.</param>
    /// <param name="logger">Gets the errors of the coordination.</param>
    public TailnetNode(
        ICoordinator coordinator,
        WireGuardIdentity identity,
        IRelayOutput relays,
        TailnetNodeOptions options,
        TimeProvider time,
        ILogger<TailnetNode> logger)
    {
        ArgumentNullException.ThrowIfNull(coordinator);
        ArgumentNullException.ThrowIfNull(identity);
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(time);
        (_identity, _time) = (identity, time);
        Address = NewAddress();
        _coordination = new NodeCoordination(
            coordinator, NodeKey.Read(identity.PublicKey), _disco.PublicKey.ToArray(), Address, options, time, logger);
        _stack = new TailnetStack(
            new WireGuardNode(identity, new WireGuardOptions(), time), _disco, Address, relays, _coordination, options.Stack, time);
    }

    /// <summary>This node's address in the tailnet.</summary>
    public Ipv6Address Address { get; }

    /// <summary>
    /// Called at the end of each dial that was not cancelled: the failure or null, the time, and whether there was a session before.
    /// </summary>
    public Action<DialFailure?, TimeSpan, bool>? DialEnded { get; set; }

    /// <summary>Runs the coordination until it is cancelled.</summary>
    /// <param name="cancellation">Ends the coordination.</param>
    public Task RunAsync(CancellationToken cancellation) => _coordination.RunAsync(_stack, cancellation);

    /// <summary>Announces the region through which this node is reached.</summary>
    /// <param name="region">The region, greater than zero. This node must be connected to its relay.</param>
    public void SetHome(int region) => _coordination.SetHome(region);

    /// <summary>The relay of a region can be reached: handshakes that wait for it go on at once.</summary>
    /// <param name="region">The region.</param>
    public void RelayIsUp(int region) => _stack.RelayIsUp(region);

    /// <summary>Handles a message that a relay has delivered. <see cref="EndOfBatch"/> sends the answers.</summary>
    /// <param name="region">The region of the relay.</param>
    /// <param name="source">The sender's public key, as the relay states it.</param>
    /// <param name="message">The message. It is decrypted in place.</param>
    public void Receive(int region, in NodeKey source, Span<byte> message) => _stack.Receive(region, source, message);

    /// <summary>Sends the answers to the messages of a batch.</summary>
    public void EndOfBatch() => _stack.EndOfBatch();

    /// <inheritdoc/>
    public async Task<AgentStream> DialAsync(Guid agent, ushort port, TimeSpan timeout, CancellationToken cancellation)
    {
        var (began, isWarm) = (_time.GetTimestamp(), _stack.Find(agent) is { State: TailnetPeerState.Up });
        try
        {
            var stream = await _stack.DialAsync(agent, port, timeout, cancellation).ConfigureAwait(false);
            DialEnded?.Invoke(null, _time.GetElapsedTime(began), isWarm);
            return stream;
        }
        catch (DialException error)
        {
            DialEnded?.Invoke(error.Failure, _time.GetElapsedTime(began), isWarm);
            throw;
        }
    }

    /// <inheritdoc/>
    public Task<TimeSpan> PingAsync(Guid agent, TimeSpan timeout, CancellationToken cancellation) =>
        _stack.PingAsync(agent, timeout, cancellation);

    /// <inheritdoc/>
    public AgentPath? Find(Guid agent) => _stack.Find(agent);

    /// <summary>The counters and the present size.</summary>
    public TailnetStatistics Statistics() => _stack.Statistics();

    /// <summary>The paths to all agents with state.</summary>
    public IReadOnlyList<(Guid Agent, AgentPath Path)> Paths() => _stack.Paths();

    /// <summary>Ends all connections by RST, and wipes the keys.</summary>
    public void Dispose()
    {
        _stack.Dispose();
        _identity.Dispose();
        _disco.Dispose();
    }

    /// <summary>A random address of the tailnet's prefix: fd7a:115c:a1e0::/48.</summary>
    private static Ipv6Address NewAddress()
    {
        Span<byte> bytes = stackalloc byte[Ipv6Address.Size];
        RandomNumberGenerator.Fill(bytes);
        ReadOnlySpan<byte> prefix = [0xfd, 0x7a, 0x11, 0x5c, 0xa1, 0xe0];
        prefix.CopyTo(bytes);
        return Ipv6Address.Read(bytes);
    }
}
