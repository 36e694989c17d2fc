using Microsoft.Extensions.Logging;

namespace ControlPlane.Coordination;

internal sealed partial class RelayProber
{
    [LoggerMessage(8, LogLevel.Warning, "The relay {Relay} has not answered for {Seconds} s: it leaves the DERP map, unless it is the last one.")]
    private static partial void Left(ILogger logger, string relay, int seconds);

    [LoggerMessage(9, LogLevel.Information, "The relay {Relay} answers again: it is back in the DERP map.")]
    private static partial void Returned(ILogger logger, string relay);
}
