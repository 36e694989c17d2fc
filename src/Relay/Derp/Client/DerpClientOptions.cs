using Relay.Derp.Wire;

namespace Relay.Derp.Client;

/// <summary>The time-outs of a <see cref="DerpClient"/>, and the key of its relay. All have defaults.</summary>
public sealed record DerpClientOptions
{
    /// <summary>The maximum time from the start to the relay's ServerInfo. Default 10 s, as on the relay's side (derp.md §1.8).</summary>
    public TimeSpan LoginTimeout { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>
    /// The silence of the relay after which the client pings. Default 60 s, which leaves a relay without keep-alives another 60 s for its
    /// pong.
    /// </summary>
    public TimeSpan PingAfter { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>The silence of the relay that ends the connection. Default 120 s, as in other clients (derp.md §3.7).</summary>
    public TimeSpan SilenceTimeout { get; init; } = TimeSpan.FromSeconds(120);

    /// <summary>The maximum time in which the relay accepts no byte of a full output. Default 30 s; zero for no limit.</summary>
    public TimeSpan WriteTimeout { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>The relay's key if the client knows it, for instance from the meta-certificate. The login fails with another key.</summary>
    public NodeKey? ServerKey { get; init; }
}
