using System.Text;
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
        var content = SettingsFile.Read(DerpMeshSettings.KeyFileName, path, MaxBytes);
        return MeshKey.TryParse(Encoding.UTF8.GetString(content), out var key)
            ? key
            : throw new SettingsException(
                DerpMeshSettings.KeyFileName,
                path,
                "it must hold one line: 64 hex digits that are not all zero, as derper's, or another secret of 16 to 256 characters "
                + "that are not hex digits alone");
    }
}
