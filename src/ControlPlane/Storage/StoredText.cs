namespace ControlPlane.Storage;

/// <summary>What of a text is stored (tailnet.md §1.3-13).</summary>
internal static class StoredText
{
    /// <summary>What stands for bytes or characters that cannot be stored.</summary>
    public const string Replacement = "❌";

    /// <summary>Replaces NUL, which databases do not store in text.</summary>
    public static string Sanitise(string text) => text.Replace("\0", Replacement, StringComparison.Ordinal);
}
