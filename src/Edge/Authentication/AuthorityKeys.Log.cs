namespace Edge.Authentication;

internal sealed partial class AuthorityKeys
{
    [LoggerMessage(1, LogLevel.Warning, "The signing keys could not be fetched by way of {MetadataAddress}.")]
    private partial void LogNotFetched(string metadataAddress, Exception exception);

    [LoggerMessage(2, LogLevel.Warning, "There are no signing keys in what {MetadataAddress} leads to.")]
    private partial void LogNoKeys(string metadataAddress);
}
