namespace Edge.Listeners;

/// <summary>
/// The entries of an endpoint's <c>Sni</c> section. A client's server name (RFC 6066 §3) selects one by Kestrel's rules: the
/// same name, else the longest <c>*.suffix</c>, else <c>*</c>.
/// </summary>
internal sealed class ServerNames<T>(IReadOnlyDictionary<string, T> entries)
    where T : class
{
    private readonly Dictionary<string, T> _entries = new(entries, StringComparer.OrdinalIgnoreCase);

    /// <summary>The entry for a name; null when no entry matches.</summary>
    public T? Find(string? name)
    {
        if (!string.IsNullOrEmpty(name))
        {
            if (_entries.TryGetValue(name, out var exact))
            {
                return exact;
            }

            // The first dot gives the longest suffix.
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
