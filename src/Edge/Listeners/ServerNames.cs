namespace Edge.Listeners;

/// <summary>
/// Which entry of an endpoint's <c>Sni</c> section a client's name (RFC 6066 §3) means, by Kestrel's rules: the same name, else
/// the longest <c>*.suffix</c>, else <c>*</c>.
/// </summary>
internal sealed class ServerNames<T>(IReadOnlyDictionary<string, T> entries)
    where T : class
{
    private readonly Dictionary<string, T> _entries = new(entries, StringComparer.OrdinalIgnoreCase);

    /// <summary>Null when no entry is meant.</summary>
    public T? Find(string? name)
    {
        if (!string.IsNullOrEmpty(name))
        {
            if (_entries.TryGetValue(name, out var exact))
            {
                return exact;
            }

            // The first dot leaves the longest suffix.
            for (var dot = name.IndexOf('.', StringComparison.Ordinal); dot >= 0; dot = name.IndexOf('.', dot + 1))
            {
                if (_entries.TryGetValue($"*{name[dot..]}", out var wildcard))
                {
                    return wildcard;
                }
            }
        }

        return _entries.GetValueOrDefault("*");
    }
}
