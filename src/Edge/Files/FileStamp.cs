namespace Edge.Files;

/// <summary>
/// Identifies the content of a file: the target of its symbolic links, its time and its size. Mounted configuration and secrets are
/// replaced by changing a link, and the link's own time does not change.
/// </summary>
internal readonly record struct FileStamp(string? Target, DateTime Written, long Length)
{
    /// <summary>The file's current stamp; the default for a file that is missing or not accessible. Does not throw.</summary>
    public static FileStamp Of(string path)
    {
        try
        {
            var target = File.ResolveLinkTarget(path, returnFinalTarget: true)?.FullName ?? path;
            var file = new FileInfo(target);
            return file.Exists ? new FileStamp(target, file.LastWriteTimeUtc, file.Length) : default;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return default;
        }
    }
}
