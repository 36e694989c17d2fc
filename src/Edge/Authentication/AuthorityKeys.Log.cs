namespace Edge.Authentication;

internal sealed partial class AuthorityKeys
{
    [LoggerMessage(1001, LogLevel.Warning, "The signing keys could not be fetched from {MetadataAddress}.")]
    private partial void LogNotFetched(string metadataAddress, Exception exception);

    [LoggerMessage(1002, LogLevel.Warning, "The metadata at {MetadataAddress} has no signing keys.")]
    private partial void LogNoKeys(string metadataAddress);
}
