using Microsoft.Extensions.Logging;

namespace ControlPlane.InstanceIdentity;

internal sealed partial class GoogleKeys
{
    [LoggerMessage(1, LogLevel.Warning, "Google's keys could not be read from {Source}.")]
    private partial void LogNotFetched(Uri source, Exception exception);

    [LoggerMessage(2, LogLevel.Warning, "There are no RSA keys for signatures in what {Source} holds.")]
    private partial void LogNoKeys(Uri source);
}
