using Relay.Streams.Wire;

namespace Relay.Streams;

/// <summary>Limits of an upgrade at the API server.</summary>
public sealed record UpgradeOptions
{
    /// <summary>The time limit for the API server's final response head. Default 60 s.</summary>
    public TimeSpan Timeout { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>Limits of the response head. Default 64 KiB, 200 headers, 8 interim responses.</summary>
    public ResponseHeadLimits HeadLimits { get; init; } = ResponseHeadLimits.Default;
}
