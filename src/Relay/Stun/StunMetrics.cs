using System.Diagnostics.Metrics;

namespace Relay.Stun;

/// <summary>The instruments of a STUN server on the meter <see cref="MeterName"/>, with derper's names (derp.md §6.5).</summary>
public sealed class StunMetrics
{
    /// <summary>The meter's name.</summary>
    public const string MeterName = "Relay.Stun";

    private readonly StunServer _server;

    /// <summary>Creates the instruments of a server.</summary>
    /// <param name="meters">Owns the meter.</param>
    /// <param name="server">The server.</param>
    public StunMetrics(IMeterFactory meters, StunServer server)
    {
        ArgumentNullException.ThrowIfNull(meters);
        ArgumentNullException.ThrowIfNull(server);
        _server = server;
        var meter = meters.Create(MeterName);
        meter.CreateObservableCounter("stun_requests", Requests, null, "Datagrams, by result.");
        meter.CreateObservableCounter("stun_addrfamily", Families, null, "Requests, by address family.");
    }

    private IEnumerable<Measurement<long>> Requests() =>
    [
        Of(StunCount.ReadError, "disposition", "read_error"),
        Of(StunCount.NotStun, "disposition", "not_stun"),
        Of(StunCount.WriteError, "disposition", "write_error"),
        Of(StunCount.Success, "disposition", "success"),
    ];

    private IEnumerable<Measurement<long>> Families() => [Of(StunCount.IPv4, "family", "ipv4"), Of(StunCount.IPv6, "family", "ipv6")];

    private Measurement<long> Of(StunCount count, string tag, string value) =>
        new(_server[count], new KeyValuePair<string, object?>(tag, value));
}
