namespace ControlPlane.Storage;

/// <summary>Makes text fit for the database (tailnet.md §1.3-13).</summary>
internal static class StoredText
{
    /// <summary>The replacement of bytes and characters that cannot be stored.</summary>
    public const string Replacement = "❌";

    /// <summary>Replaces NUL, which PostgreSQL cannot store in text.</summary>
    public static string Sanitise(string text) => text.Replace("\0", Replacement, StringComparison.Ordinal);
}
