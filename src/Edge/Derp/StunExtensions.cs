using System.Net;
using System.Net.Sockets;
using Edge.Settings;
using Relay.Stun;

namespace Edge.Derp;

/// <summary>Adds the STUN server to a host.</summary>
internal static class StunExtensions
{
    /// <summary>
    /// Registers the STUN server and its metrics. The server binds its sockets after the host's listeners, because an address that
    /// the machine does not have is an error of the listeners' setting.
    /// </summary>
    /// <param name="services">The host's services.</param>
    /// <param name="port">The UDP port; 0 means any free one.</param>
    /// <param name="listeners">The public listeners, whose addresses the server uses; null for one on all addresses.</param>
    public static IServiceCollection AddStun(this IServiceCollection services, int port, IEnumerable<IPEndPoint?> listeners) => services
        .AddSingleton(_ => Bind(
        [
            .. listeners.Select(static listener => listener?.Address ?? IPAddress.IPv6Any).Distinct()
                .Select(address => new IPEndPoint(address, port)),
        ]))
        .AddSingleton<StunMetrics>()
        .AddHostedService<StunStart>();

    private static StunServer Bind(IReadOnlyList<IPEndPoint> addresses)
    {
        try
        {
            return new StunServer(addresses);
        }
        catch (SocketException error)
        {
            throw new SettingsException(
                "Relay:Stun:Port",
                null,
                $"UDP {string.Join(", ", addresses)} cannot be bound ({error.Message}); "
                + "choose another port, or set Relay:Stun:Enabled=false");
        }
    }

    // Binds the sockets when the host's listeners have opened.
    private sealed class StunStart(IServiceProvider services) : IHostedLifecycleService
    {
        public Task StartingAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        public Task StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        public Task StartedAsync(CancellationToken cancellationToken)
        {
            services.GetRequiredService<StunMetrics>();
            return Task.CompletedTask;
        }

        public Task StoppingAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        public Task StoppedAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    }
}
