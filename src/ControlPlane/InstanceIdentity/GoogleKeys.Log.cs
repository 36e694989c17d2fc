using Microsoft.Extensions.Logging;

namespace ControlPlane.InstanceIdentity;

internal sealed partial class GoogleKeys
{
    [LoggerMessage(17, LogLevel.Warning, "Google's keys could not be fetched from {Source}.")]
    private partial void LogNotFetched(Uri source, Exception exception);

    [LoggerMessage(18, LogLevel.Warning, "The key set at {Source} has no RSA signing keys of at least 2,048 bits.")]
    private partial void LogNoKeys(Uri source);
}
