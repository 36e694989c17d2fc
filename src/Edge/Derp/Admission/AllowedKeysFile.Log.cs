namespace Edge.Derp.Admission;

internal sealed partial class AllowedKeysFile
{
    [LoggerMessage(
        EventId = 1007, Level = LogLevel.Information,
        Message = "The allowed keys in {Path} were read again; there are {Count}")]
    private partial void LogReloaded(string path, int count);

    [LoggerMessage(
        EventId = 1008, Level = LogLevel.Error,
        Message = "The allowed keys in {Path} have changed but cannot be used; the old ones stay in force: {Why}")]
    private partial void LogReloadFailed(string path, string why);
}
