using Google.Protobuf.WellKnownTypes;
using Tailnet.Drpc;

namespace ControlPlane.AgentRpc;

/// <summary>Times as agents send them.</summary>
internal static class Timestamps
{
    /// <summary>Null without one.</summary>
    /// <exception cref="DrpcException">It is none that a calendar has.</exception>
    public static DateTimeOffset? Read(Timestamp? timestamp)
    {
        if (timestamp is null)
        {
            return null;
        }

        const int maxNanos = 999_999_999;
        return timestamp.Nanos is >= 0 and <= maxNanos
            && timestamp.Seconds >= DateTimeOffset.MinValue.ToUnixTimeSeconds()
            && timestamp.Seconds <= DateTimeOffset.MaxValue.ToUnixTimeSeconds()
                ? timestamp.ToDateTimeOffset()
                : throw new DrpcException(0, "invalid timestamp");
    }
}
