using Relay.Streams.Wire;

namespace Relay.Streams;

/// <summary>Bounds of an upgrade at the API server.</summary>
public sealed record UpgradeOptions
{
    /// <summary>How long the API server may take until its final response head is whole. Default 60 s.</summary>
    public TimeSpan Timeout { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>Bounds of the response head. Default 64 KiB, 200 headers, 8 interim responses.</summary>
    public ResponseHeadLimits HeadLimits { get; init; } = ResponseHeadLimits.Default;
}
