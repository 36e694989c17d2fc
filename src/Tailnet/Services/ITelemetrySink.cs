using Tailnet.Messages;

namespace Tailnet.Services;

/// <summary>Receives the clients' telemetry about their connections.</summary>
public interface ITelemetrySink
{
    /// <summary>Accepts events; must not wait long.</summary>
    /// <param name="caller">The reporting caller.</param>
    /// <param name="events">The events.</param>
    /// <param name="cancellationToken">Cancels the call.</param>
    ValueTask AcceptAsync(TailnetCaller caller, IReadOnlyCollection<TelemetryEvent> events, CancellationToken cancellationToken);
}
