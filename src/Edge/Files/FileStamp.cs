namespace Edge.Files;

/// <summary>
/// By what a file that is read again counts as another one: the file at the end of its links, its time and its size. Mounted
/// configuration and secrets are replaced by changing a link, whose own time says nothing.
/// </summary>
internal readonly record struct FileStamp(string? Target, DateTime Written, long Length)
{
    /// <summary>The file's stamp now; the default for one that is not there or may not be looked at. Does not throw.</summary>
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
