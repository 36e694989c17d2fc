using Microsoft.Extensions.Logging;

namespace ControlPlane.Coordination;

internal sealed partial class DerpMapSources
{
    [LoggerMessage(6, LogLevel.Warning, "The DERP map could not be fully updated: {Fault}.")]
    private static partial void SourceFailed(ILogger logger, string fault);
}
