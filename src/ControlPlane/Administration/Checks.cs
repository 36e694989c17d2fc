using System.Text.RegularExpressions;

namespace ControlPlane.Administration;

/// <summary>Validates the fields of administrators' requests. Each method returns the value, or refuses it with the field's name.</summary>
internal static partial class Checks
{
    /// <summary>The longest name of a user, workspace or agent, in characters.</summary>
    public const int MaxName = 64;

    /// <summary>The longest other text, in characters.</summary>
    public const int MaxText = 4096;

    /// <summary>The longest script, in characters.</summary>
    public const int MaxScript = 256 * 1024;

    /// <summary>The maximum number of entries of a list.</summary>
    public const int MaxEntries = 256;

    /// <summary>
    /// The name of a user, workspace or agent. Host names contain it, and references such as <c>user/workspace/agent</c>.
    /// </summary>
    public static string Name(string field, string value) => value.Length is > 0 and <= MaxName && NamePattern().IsMatch(value)
        ? value
        : throw RefusedException.Invalid(field, $"must be 1 to {MaxName} letters, digits and single hyphens between them");

    public static string Slug(string field, string value) => value.Length is > 0 and <= MaxName && SlugPattern().IsMatch(value)
        ? value
        : throw RefusedException.Invalid(field, $"must be 1 to {MaxName} lower-case letters, digits and single hyphens between them");

    public static string Required(string field, string value, int longest = MaxText) =>
        value.Length > 0 ? Text(field, value, longest) : throw RefusedException.Invalid(field, "must not be empty");

    /// <summary>A text without NUL, which PostgreSQL cannot store.</summary>
    public static string Text(string field, string value, int longest = MaxText) =>
        value.Length > longest ? throw RefusedException.Invalid(field, $"must have at most {longest} characters")
        : value.Contains('\0', StringComparison.Ordinal) ? throw RefusedException.Invalid(field, "must not contain NUL")
        : value;

    public static string OneOf(string field, string value, params ReadOnlySpan<string> allowed) =>
        allowed.Contains(value) ? value : throw RefusedException.Invalid(field, $"must be one of {string.Join(", ", allowed.ToArray())}");

    public static long Between(string field, long value, long min, long max) =>
        value >= min && value <= max
            ? value
            : throw RefusedException.Invalid(field, FormattableString.Invariant($"must be from {min} to {max}"));

    public static IReadOnlyList<T> Entries<T>(string field, IReadOnlyList<T> values) =>
        values.Count <= MaxEntries ? values : throw RefusedException.Invalid(field, $"must have at most {MaxEntries} entries");

    /// <summary>Refuses a list with duplicate keys.</summary>
    public static void Distinct<T>(string field, IEnumerable<T> keys)
    {
        var seen = new HashSet<T>();
        if (keys.Any(key => !seen.Add(key)))
        {
            throw RefusedException.Invalid(field, "must be unique in the list");
        }
    }

    [GeneratedRegex(@"\A[a-zA-Z0-9]+(-[a-zA-Z0-9]+)*\z", RegexOptions.CultureInvariant)]
    private static partial Regex NamePattern();

    [GeneratedRegex(@"\A[a-z0-9]+(-[a-z0-9]+)*\z", RegexOptions.CultureInvariant)]
    private static partial Regex SlugPattern();
}
