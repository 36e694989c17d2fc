namespace Edge.Settings;

/// <summary>A file that a setting names.</summary>
internal static class SettingsFile
{
    /// <summary>Reads the whole file.</summary>
    /// <param name="setting">The setting's name, for the error.</param>
    /// <param name="path">The file.</param>
    /// <param name="maxBytes">The longest allowed file. A longer one is probably a wrong file.</param>
    /// <exception cref="SettingsException">The file is missing, empty, too long, a directory, or not readable.</exception>
    public static byte[] Read(string setting, string path, int maxBytes)
    {
        try
        {
            if (Directory.Exists(path))
            {
                throw new SettingsException(setting, path, "the path is a directory; a file is needed");
            }

            var file = new FileInfo(path);
            return !file.Exists ? throw new SettingsException(setting, path, "the file does not exist")
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
