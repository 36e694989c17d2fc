namespace ControlPlane.Storage.Schema;

/// <summary>Reads the SQL files of this folder, which are resources of the assembly.</summary>
internal static class SchemaFile
{
    /// <param name="name">The file's name, such as <c>sqlite.sql</c>.</param>
    public static string Read(string name)
    {
        using var stream = typeof(SchemaFile).Assembly.GetManifestResourceStream("schema/" + name)
            ?? throw new ArgumentException($"The assembly has no resource {name}.", nameof(name));
        using var reader = new StreamReader(stream);
        return reader.ReadToEnd();
    }
}
