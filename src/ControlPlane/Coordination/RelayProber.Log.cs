using Microsoft.Extensions.Logging;

namespace ControlPlane.Coordination;

internal sealed partial class RelayProber
{
    [LoggerMessage(
        8,
        LogLevel.Warning,
        "The relay {Relay} has not answered its probes for {Seconds} s: it is removed from the DERP map, unless it is the last one.")]
    private static partial void Removed(ILogger logger, string relay, int seconds);

    [LoggerMessage(9, LogLevel.Information, "The relay {Relay} answers its probes again: it is back in the DERP map.")]
    private static partial void Restored(ILogger logger, string relay);
}
