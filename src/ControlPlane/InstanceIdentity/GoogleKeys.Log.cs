using Microsoft.Extensions.Logging;

namespace ControlPlane.InstanceIdentity;

internal sealed partial class GoogleKeys
{
    [LoggerMessage(17, LogLevel.Warning, "Google's keys could not be read from {Source}.")]
    private partial void LogNotFetched(Uri source, Exception exception);

    [LoggerMessage(18, LogLevel.Warning, "{Source} has no RSA signing keys.")]
    private partial void LogNoKeys(Uri source);
}
