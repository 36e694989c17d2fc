namespace Edge.Derp.Admission;

internal sealed partial class AllowedKeysFile
{
    [LoggerMessage(Level = LogLevel.Information, Message = "The allowed keys in {Path} were read again; there are {Count}")]
    private partial void LogReloaded(string path, int count);

    [LoggerMessage(Level = LogLevel.Error, Message = "The allowed keys in {Path} have changed but cannot be used; the old ones stay in force: {Why}")]
    private partial void LogKept(string path, string why);
}
