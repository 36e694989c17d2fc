using Google.Protobuf.WellKnownTypes;
using Tailnet.Drpc;

namespace ControlPlane.AgentRpc;

/// <summary>Reads the protobuf timestamps of agents.</summary>
internal static class Timestamps
{
    /// <summary>Converts a timestamp; null stays null.</summary>
    /// <exception cref="DrpcException">The timestamp is outside the years 1 to 9999.</exception>
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
