using System.Collections.Frozen;
using Relay.Derp.Wire;

namespace Edge.Derp.Admission;

/// <summary>The text of a list of keys: <c>nodekey:</c> and 64 hex digits, one a line; empty lines, and comments from <c>#</c> on.</summary>
internal static class AllowedKeys
{
    /// <summary>Reads a list.</summary>
    /// <param name="text">The text.</param>
    /// <param name="keys">The keys; empty when the text is no list.</param>
    /// <param name="badLine">The number, from 1, of the first line that is none of these; 0 when there is none.</param>
    /// <returns>Whether the whole text is a list.</returns>
    public static bool TryParse(string text, out FrozenSet<NodeKey> keys, out int badLine)
    {
        var found = new HashSet<NodeKey>();
        var number = 0;
        foreach (var line in text.AsSpan().EnumerateLines())
        {
            number++;
            var comment = line.IndexOf('#');
            var entry = (comment < 0 ? line : line[..comment]).Trim();
            if (entry.IsEmpty)
            {
                continue;
            }

            if (!NodeKey.TryParse(entry.ToString(), out var key) || key.IsZero)
            {
                (keys, badLine) = (FrozenSet<NodeKey>.Empty, number);
                return false;
            }

            found.Add(key);
        }

        (keys, badLine) = (found.ToFrozenSet(), 0);
        return true;
    }
}
