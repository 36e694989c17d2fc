using System.Globalization;

namespace Edge.Settings;

/// <summary>
/// Reads typed settings from the configuration. It records the keys that were read, so that <see cref="RefuseUnknownKeys"/> can
/// find the others.
/// </summary>
internal sealed class SettingsReader(IConfiguration configuration)
{
    private readonly HashSet<string> _known = new(StringComparer.OrdinalIgnoreCase);

    /// <summary>The text of a setting, or null when it is absent or empty.</summary>
    public string? Text(string name)
    {
        _known.Add(name);
        var value = configuration[name];
        return string.IsNullOrWhiteSpace(value) ? null : value.Trim();
    }

    /// <summary>One of the names of <typeparamref name="T"/>. Case is ignored.</summary>
    public T Choice<T>(string name, T otherwise)
        where T : struct, Enum
    {
        var text = Text(name);
        if (text is null)
        {
            return otherwise;
        }

        // Enum.TryParse also accepts numbers and lists.
        var match = Enum.GetNames<T>().FirstOrDefault(choice => choice.Equals(text, StringComparison.OrdinalIgnoreCase));
        return match is not null
            ? Enum.Parse<T>(match)
            : throw new SettingsException(name, text, $"allowed are {string.Join(", ", Enum.GetNames<T>().Select(Lower))}");

        static string Lower(string choice) => choice.ToLowerInvariant();
    }

    /// <summary><c>true</c> or <c>false</c>.</summary>
    public bool Flag(string name, bool otherwise)
    {
        var text = Text(name);
        return text is null ? otherwise
            : bool.TryParse(text, out var flag) ? flag
            : throw new SettingsException(name, text, "allowed are true and false");
    }

    /// <summary>A whole number from <paramref name="min"/> to <paramref name="max"/>.</summary>
    public long Number(string name, long otherwise, long min, long max)
    {
        var text = Text(name);
        return text is null ? otherwise
            : long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number >= min && number <= max
                ? number
                : throw new SettingsException(name, text, $"allowed is a whole number from {min} to {max}");
    }

    /// <summary>A whole number from <paramref name="min"/> to <paramref name="max"/>.</summary>
    public int Number(string name, int otherwise, int min, int max) => (int)Number(name, (long)otherwise, min, max);

    /// <summary>
    /// A duration from <paramref name="min"/> to <paramref name="max"/>: <c>500ms</c>, <c>30s</c>, <c>5m</c>, <c>1h</c> or
    /// <c>hh:mm:ss</c>.
    /// </summary>
    public TimeSpan Duration(string name, TimeSpan otherwise, TimeSpan min, TimeSpan max)
    {
        var text = Text(name);
        return text is null ? otherwise
            : TryParseDuration(text, out var duration) && duration >= min && duration <= max ? duration
            : throw new SettingsException(name, text, $"allowed is a duration such as 500ms, 30s, 5m or 00:00:30, from {min:c} to {max:c}");
    }

    /// <summary>The entries of a list: <c>Name:0</c>, <c>Name:1</c> …, or one comma-separated text.</summary>
    public IReadOnlyList<string> List(string name)
    {
        var values = new List<string>();
        foreach (var child in Children(name))
        {
            var key = $"{name}:{child}";
            if (Text(key) is { } value)
            {
                values.Add(value);
            }
        }

        return values.Count > 0
            ? values
            : Text(name)?.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries) ?? [];
    }

    /// <summary>The keys directly below a section, in order.</summary>
    public IReadOnlyList<string> Children(string name)
    {
        _known.Add(name);
        return [.. configuration.GetSection(name).GetChildren().Select(static child => child.Key)];
    }

    /// <summary>Refuses the first key under <paramref name="section"/> that was not read.</summary>
    public void RefuseUnknownKeys(string section)
    {
        foreach (var (key, value) in configuration.GetSection(section).AsEnumerable())
        {
            // A section without a value of its own is skipped; its keys are checked one by one. A key with exactly the section's name is
            // an environment variable of another program.
            if (value is null || _known.Contains(key) || key.Length == section.Length)
            {
                continue;
            }

            // When the key's parent has no known keys, the next section above has more helpful ones.
            var parent = key;
            string[] siblings;
            do
            {
                parent = parent[..parent.LastIndexOf(':')];
                siblings = [.. NamesBelow(parent)];
            }
            while (siblings.Length == 0 && parent.Length > section.Length);

            var hint = siblings.Length > 0 ? $"allowed under {parent} are {string.Join(", ", siblings)}" : $"{parent} has no settings";
            throw new SettingsException(key, null, $"no such setting; {hint}");
        }
    }

    private IEnumerable<string> NamesBelow(string parent) => _known
        .Where(known => known.StartsWith(parent + ":", StringComparison.OrdinalIgnoreCase))
        .Select(known => known[(parent.Length + 1)..].Split(':')[0])
        .Distinct(StringComparer.OrdinalIgnoreCase)
        .Order(StringComparer.OrdinalIgnoreCase);

    internal static bool TryParseDuration(string text, out TimeSpan duration)
    {
        duration = default;
        if (text.Contains(':', StringComparison.Ordinal))
        {
            string[] formats = [@"h\:mm\:ss", @"hh\:mm\:ss", @"hh\:mm\:ss\.FFF"];
            return TimeSpan.TryParseExact(text, formats, CultureInfo.InvariantCulture, out duration);
        }

        // A bare number is refused: TimeSpan would read it as days, but most people mean seconds.
        var digits = text.AsSpan().IndexOfAnyExceptInRange('0', '9');
        if (digits <= 0 || digits > 9)
        {
            return false;
        }

        var number = long.Parse(text.AsSpan(0, digits), CultureInfo.InvariantCulture);
        TimeSpan? parsed = text[digits..].Trim() switch
        {
            "ms" => TimeSpan.FromMilliseconds(number),
            "s" => TimeSpan.FromSeconds(number),
            "m" => TimeSpan.FromMinutes(number),
            "h" => TimeSpan.FromHours(number),
            _ => null,
        };
        duration = parsed.GetValueOrDefault();
        return parsed is not null;
    }
}
