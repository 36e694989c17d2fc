using System.Text;
using Edge.Settings;
using Relay.Derp.Wire;

namespace Edge.Derp.Mesh;

/// <summary>The file of the mesh's shared key. White space around the key is ignored.</summary>
internal static class MeshKeyFile
{
    // Longer than any key. A wrong file, such as a log, is not read completely.
    private const int MaxBytes = 4096;

    /// <exception cref="SettingsException">The file cannot be read, or has no key.</exception>
    public static MeshKey Read(string path)
    {
        var content = SettingsFile.Read(DerpMeshSettings.KeyFileName, path, MaxBytes);
        return MeshKey.TryParse(Encoding.UTF8.GetString(content), out var key)
            ? key
            : throw new SettingsException(
                DerpMeshSettings.KeyFileName,
                path,
                "the file must hold one line: derper's 64 hex digits that are not all zero, or another secret of 16 to 256 characters "
                + "that are not hex digits only");
    }
}
