using Relay.Derp.Wire;

namespace Relay.Derp.Client;

/// <summary>The times of a <see cref="DerpClient"/>, and what it knows of its relay. All have defaults.</summary>
public sealed record DerpClientOptions
{
    /// <summary>The most time from the start to the relay's ServerInfo. Default 10 s, as on the relay's side (derp.md §1.8).</summary>
    public TimeSpan LoginTimeout { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>
    /// The silence of the relay after which the client pings. Default 60 s, so that a relay without keep-alives has as long again for its
    /// pong.
    /// </summary>
    public TimeSpan PingAfter { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>The silence that ends the connection. Default 120 s, as other clients have it (derp.md §3.7).</summary>
    public TimeSpan SilenceTimeout { get; init; } = TimeSpan.FromSeconds(120);

    /// <summary>How long the relay may read nothing while bytes wait for it. Default 30 s; zero for no limit.</summary>
    public TimeSpan WriteTimeout { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>The relay's key if the client knows it, for instance from the meta-certificate. Another key ends the login.</summary>
    public NodeKey? ServerKey { get; init; }
}
