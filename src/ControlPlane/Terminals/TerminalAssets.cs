using System.Collections.Frozen;

namespace ControlPlane.Terminals;

/// <summary>
/// The terminal page's files, which are resources of the assembly. The build includes npm's files only if they are installed.
/// </summary>
internal static class TerminalAssets
{
    private const string Prefix = "terminal/";

    private static readonly FrozenDictionary<string, byte[]> Files = Load();

    /// <summary>Whether the build included xterm.js.</summary>
    public static bool IsBuilt => Array.TrueForAll(["xterm.js", "xterm.css", "addon-fit.js", "addon-unicode11.js"], Files.ContainsKey);

    /// <summary>An HTML page, which the assembly always has.</summary>
    public static byte[] Page(string name) => Files[name];

    /// <summary>A script or a style sheet with its media type. Null for any other name.</summary>
    public static (string Type, byte[] Bytes)? Find(string name) =>
        !Files.TryGetValue(name, out var bytes) ? null
        : Path.GetExtension(name) switch
        {
            ".js" => ("text/javascript; charset=utf-8", bytes),
            ".css" => ("text/css; charset=utf-8", bytes),
            _ => null,
        };

    private static FrozenDictionary<string, byte[]> Load()
    {
        var assembly = typeof(TerminalAssets).Assembly;
        var files = new Dictionary<string, byte[]>(StringComparer.Ordinal);
        foreach (var name in assembly.GetManifestResourceNames().Where(static name => name.StartsWith(Prefix, StringComparison.Ordinal)))
        {
            using var stream = assembly.GetManifestResourceStream(name)!;
            using var bytes = new MemoryStream();
            stream.CopyTo(bytes);
            files[name[Prefix.Length..]] = bytes.ToArray();
        }

        return files.ToFrozenDictionary(StringComparer.Ordinal);
    }
}
