using Microsoft.Extensions.Logging;

namespace ControlPlane.Coordination;

public sealed partial class DerpMaps
{
    [LoggerMessage(
        7,
        LogLevel.Warning,
        "Neither a DERP map nor a public URL is configured: agents and clients get an empty map and find no relay.")]
    private static partial void NoRelays(ILogger logger);
}
