using Edge.Settings;
using Relay.Derp.Wire;

namespace Edge.Derp.Mesh;

/// <summary>The file of the mesh's secret: its text, white space around it aside.</summary>
internal static class MeshKeyFile
{
    // More than any key; a file of another kind, named by mistake, is not read whole.
    private const int MaxBytes = 4096;

    /// <exception cref="SettingsException">There is no key in it, or it cannot be read.</exception>
    public static MeshKey Read(string path)
    {
        const string Allowed = "it must hold 64 hex digits that are not all zero, as derper's, or another secret of 16 to 256 characters";
        try
        {
            var file = new FileInfo(path);
            return file.Length <= MaxBytes && MeshKey.TryParse(File.ReadAllText(path), out var key)
                ? key
                : throw new SettingsException(DerpMeshSettings.KeyFileName, path, Allowed);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new SettingsException(DerpMeshSettings.KeyFileName, path, $"{Allowed} ({error.Message})");
        }
    }
}
