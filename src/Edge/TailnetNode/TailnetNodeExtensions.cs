using ControlPlane.Hosting;
using Crypto;
using Relay.Derp.Wire;
using Tailnet.Coordination;
using Tailnet.Peer;
using Tailnet.Services;
using Tailnet.WireGuard;
using Node = Tailnet.Peer.TailnetNode;

namespace Edge.TailnetNode;

/// <summary>Adds the tailnet node to the host of the API server.</summary>
internal static class TailnetNodeExtensions
{
    /// <summary>
    /// Registers the node, with a new key, and the relays that it uses. <see cref="RegionRelays.Start"/> comes after the start of the relay
    /// of this process.
    /// </summary>
    public static IServiceCollection AddTailnetNode(this IServiceCollection services, TailnetNodeSettings settings)
    {
        if (!settings.IsOn)
        {
            return services;
        }

        // The relays and WireGuard know the node by one key.
        using var key = new SecretBytes(X25519.KeyLength);
        X25519.NewPrivateKey(key.Span);
        var relayKey = NodePrivateKey.FromBytes(key.Span);
        var identity = new WireGuardIdentity(key.Span);
        return services
            .AddSingleton(provider => new RegionRelays(
                relayKey,
                provider.GetRequiredService<DerpMapPublisher>(),
                settings,
                provider.GetRequiredService<TimeProvider>(),
                provider.GetRequiredService<ILogger<RegionRelays>>()))
            .AddSingleton(provider => new Node(
                provider.GetRequiredService<ICoordinator>(),
                identity,
                provider.GetRequiredService<RegionRelays>(),
                settings.Node,
                provider.GetRequiredService<TimeProvider>(),
                provider.GetRequiredService<ILogger<Node>>()))
            .AddSingleton<IAgentDialer>(static provider => provider.GetRequiredService<Node>())
            .AddStarted<TailnetNodeMetrics>()
            .AddHostedService<TailnetNodeService>();
    }
}

/// <summary>Runs the coordination of the tailnet node.</summary>
internal sealed class TailnetNodeService(Node node, TimeProvider time, ILogger<TailnetNodeService> logger) : BackgroundService
{
    protected override Task ExecuteAsync(CancellationToken stoppingToken) =>
        BackgroundLoop.RunAsync(nameof(TailnetNode), node.RunAsync, time, logger, stoppingToken);
}
