namespace ControlPlane.Storage.Schema;

/// <summary>The files of SQL beside this one, which are in the assembly.</summary>
internal static class SchemaFile
{
    /// <param name="name">Such as <c>sqlite.sql</c>.</param>
    public static string Read(string name)
    {
        using var stream = typeof(SchemaFile).Assembly.GetManifestResourceStream("schema/" + name)
            ?? throw new ArgumentException($"There is no {name} in the assembly.", nameof(name));
        using var reader = new StreamReader(stream);
        return reader.ReadToEnd();
    }
}
