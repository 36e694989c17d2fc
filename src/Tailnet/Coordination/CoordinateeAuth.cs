using System.Net;
using System.Net.Sockets;
using Google.Protobuf.Collections;
using Tailnet.Messages;

namespace Tailnet.Coordination;

/// <summary>The kinds of callers and their permissions (tailnet.md §3.7).</summary>
public static class CoordinateeAuth
{
    private static readonly IPAddress LegacyAgentAddress = IPAddress.Parse("fd7a:115c:a1e0:49d6:b259:b7ac:b1b2:48f4");

    /// <summary>Allows everything: for other servers of the same deployment.</summary>
    public static ICoordinateeAuth Server { get; } = new Rules(static (_, _) => ValueTask.FromResult<string?>(null));

    /// <summary>Allows a client of one agent to open a tunnel to that agent only.</summary>
    /// <param name="agent">The agent in the URL.</param>
    public static ICoordinateeAuth Client(Guid agent) => User(
        (id, _) => ValueTask.FromResult(id == agent), "agent is not authorized for this user");

    /// <summary>Allows a client to open tunnels to the agents that <paramref name="mayReach"/> permits.</summary>
    /// <param name="mayReach">Called for every tunnel.</param>
    public static ICoordinateeAuth User(Func<Guid, CancellationToken, ValueTask<bool>> mayReach) =>
        User(mayReach, "workspace agent not found or you do not have permission");

    /// <summary>Allows an agent to claim only the addresses that follow from its id, and to open no tunnels.</summary>
    /// <param name="agent">The agent.</param>
    public static ICoordinateeAuth Agent(Guid agent) => new Rules((request, _) => ValueTask.FromResult(CheckAgent(agent, request)));

    /// <summary>Returns the agent's address under a service prefix: six bytes of the prefix and the last ten bytes of the id.</summary>
    internal static IPAddress AddressOf(Guid agent, ReadOnlySpan<byte> prefix)
    {
        Span<byte> bytes = stackalloc byte[16];
        agent.TryWriteBytes(bytes, bigEndian: true, out _);
        prefix[..6].CopyTo(bytes);
        return new IPAddress(bytes);
    }

    private static Rules User(Func<Guid, CancellationToken, ValueTask<bool>> mayReach, string refusal) =>
        new(async (request, cancellationToken) =>
        {
            if (request.ReadyForHandshake.Count > 0)
            {
                return "clients may not send ready_for_handshake";
            }

            foreach (var address in request.UpdateSelf?.Node?.Addresses ?? [])
            {
                if (!TryReadSingle(address, out _))
                {
                    return "invalid address bits, expected a single address";
                }
            }

            if (request.AddTunnel is not { } tunnel)
            {
                return null;
            }

            return PeerIds.TryRead(tunnel.Id, out var id) && await mayReach(id, cancellationToken).ConfigureAwait(false) ? null : refusal;
        });

    private static string? CheckAgent(Guid agent, CoordinateRequest request)
    {
        if (request.AddTunnel is not null)
        {
            return "agents cannot open tunnels";
        }

        if (request.UpdateSelf?.Node is not { } node)
        {
            return null;
        }

        return CheckAddresses(agent, node.Addresses) ?? CheckAddresses(agent, node.AllowedIps);
    }

    private static string? CheckAddresses(Guid agent, RepeatedField<string> prefixes)
    {
        for (var i = 0; i < prefixes.Count; i++)
        {
            if (!TryReadSingle(prefixes[i], out var address))
            {
                return "invalid address bits, expected a single address";
            }

            if (!address.Equals(AddressOf(agent, [0xfd, 0x7a, 0x11, 0x5c, 0xa1, 0xe0]))
                && !address.Equals(AddressOf(agent, [0xfd, 0x60, 0x62, 0x7a, 0xa4, 0x2b]))
                && !address.Equals(LegacyAgentAddress))
            {
                return "invalid node address, it is not this agent's";
            }
        }

        return null;
    }

    private static bool TryReadSingle(string prefix, out IPAddress address)
    {
        var slash = prefix.IndexOf('/', StringComparison.Ordinal);
        address = IPAddress.None;
        return slash > 0
            && prefix.AsSpan(slash + 1) is "128"
            && !prefix.Contains('%', StringComparison.Ordinal)
            && IPAddress.TryParse(prefix.AsSpan(0, slash), out address!)
            && address.AddressFamily == AddressFamily.InterNetworkV6;
    }

    private sealed class Rules(Func<CoordinateRequest, CancellationToken, ValueTask<string?>> check) : ICoordinateeAuth
    {
        public ValueTask<string?> CheckAsync(CoordinateRequest request, CancellationToken cancellationToken) =>
            check(request, cancellationToken);
    }
}
