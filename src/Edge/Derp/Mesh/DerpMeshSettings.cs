using Edge.Settings;

namespace Edge.Derp.Mesh;

/// <summary>The settings of the mesh.</summary>
/// <param name="KeyFile"><c>Relay:Derp:MeshKeyFile</c>: the file of the shared key; null without a mesh.</param>
/// <param name="With"><c>Relay:Derp:MeshWith</c>: the servers to connect to.</param>
internal sealed record DerpMeshSettings(string? KeyFile, IReadOnlyList<MeshAddress> With)
{
    public const string KeyFileName = "Relay:Derp:MeshKeyFile";

    private const string WithName = "Relay:Derp:MeshWith";

    public static DerpMeshSettings Read(SettingsReader settings, bool isServed)
    {
        var mesh = new DerpMeshSettings(settings.Text(KeyFileName), [.. settings.List(WithName).Select(Parse)]);
        if (mesh.With.Count == 0)
        {
            return mesh;
        }

        return !isServed
            ? throw new SettingsException(WithName, mesh.With[0].Text, "this node has no DERP server; set Relay:Derp:Mode=serve")
            : mesh.KeyFile is null
                ? throw new SettingsException(WithName, mesh.With[0].Text, $"a mesh needs a shared key; set {KeyFileName}")
                : mesh;
    }

    private static MeshAddress Parse(string text) => MeshAddress.TryParse(text, out var address)
        ? address
        : throw new SettingsException(
            WithName,
            text,
            "allowed are host, host:port, either with /dialhost behind it (all by https), and http or https URLs without path");
}
