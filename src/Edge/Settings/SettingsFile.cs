namespace Edge.Settings;

/// <summary>A file that a setting names.</summary>
internal static class SettingsFile
{
    /// <summary>Reads the file whole.</summary>
    /// <param name="setting">The setting's name, for the error.</param>
    /// <param name="path">The file.</param>
    /// <param name="maxBytes">A longer file is refused: it is one of another kind, named by mistake.</param>
    /// <exception cref="SettingsException">The file is missing, empty, too long, a directory, or may not be read.</exception>
    public static byte[] Read(string setting, string path, int maxBytes)
    {
        try
        {
            if (Directory.Exists(path))
            {
                throw new SettingsException(setting, path, "it is a directory; a file is needed");
            }

            var file = new FileInfo(path);
            return !file.Exists ? throw new SettingsException(setting, path, "there is no such file")
                : file.Length == 0 ? throw new SettingsException(setting, path, "the file is empty")
                : file.Length > maxBytes ? throw new SettingsException(setting, path, $"the file is longer than {maxBytes} bytes")
                : File.ReadAllBytes(path);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException or ArgumentException or NotSupportedException)
        {
            throw new SettingsException(setting, path, $"the file cannot be read ({error.Message})");
        }
    }
}
