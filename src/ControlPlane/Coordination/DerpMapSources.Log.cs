using Microsoft.Extensions.Logging;

namespace ControlPlane.Coordination;

internal sealed partial class DerpMapSources
{
    [LoggerMessage(6, LogLevel.Warning, "The DERP map is unchanged: {Fault}.")]
    private static partial void NotRead(ILogger logger, string fault);
}
