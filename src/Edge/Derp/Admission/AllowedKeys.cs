using System.Collections.Frozen;
using Relay.Derp.Wire;

namespace Edge.Derp.Admission;

/// <summary>
/// Parses a list of keys: <c>nodekey:</c> and 64 hex digits, one a line. Empty lines are allowed, and comments that begin with
/// <c>#</c>.
/// </summary>
internal static class AllowedKeys
{
    /// <summary>Parses the whole text.</summary>
    /// <param name="text">The text.</param>
    /// <param name="keys">The keys; empty when a line is malformed.</param>
    /// <param name="badLine">The number of the first malformed line, from 1; 0 when there is none.</param>
    /// <returns>Whether every line is well-formed.</returns>
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
