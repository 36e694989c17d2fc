using System.Text;
using System.Text.Json.Nodes;

namespace Edge.Administration;

/// <summary>Formats answers as tables and lines.</summary>
internal static class AdminOutput
{
    /// <summary>Formats a list as a table. A last line says how many entries are not shown.</summary>
    public static string Table(JsonNode answer, string property, string[] columns)
    {
        var rows = (answer[property] as JsonArray ?? []).Select(row => Array.ConvertAll(columns, column => Text(row?[column]))).ToList();
        var header = Array.ConvertAll(columns, static column => column.Replace('_', ' ').ToUpperInvariant());
        var widths = columns.Select((_, index) => rows.Select(row => row[index].Length).Append(header[index].Length).Max()).ToArray();
        var text = new StringBuilder();
        foreach (var row in (IEnumerable<string[]>)[header, .. rows])
        {
            text.AppendLine(string.Join("  ", row.Select((cell, index) => cell.PadRight(widths[index]))).TrimEnd());
        }

        if (answer["count"] is JsonValue count && count.TryGetValue<long>(out var all) && all > rows.Count)
        {
            text.AppendLine($"{rows.Count} of {all}; --offset and --limit show others");
        }

        return text.ToString();
    }

    /// <summary>Formats an object as one line for each member. The name of a nested member includes its parents' names.</summary>
    public static string Lines(JsonNode answer)
    {
        var lines = new List<(string Name, string Value)>();
        Collect(answer, "", lines);
        var width = lines.Select(static line => line.Name.Length).DefaultIfEmpty().Max();
        return string.Concat(lines.Select(line => $"{line.Name.PadRight(width)}  {line.Value}".TrimEnd() + Environment.NewLine));
    }

    private static void Collect(JsonNode? node, string name, List<(string Name, string Value)> lines)
    {
        if (node is JsonObject { Count: > 0 } members)
        {
            foreach (var (member, value) in members)
            {
                Collect(value, name.Length > 0 ? $"{name}.{member}" : member, lines);
            }
        }
        else if (node is JsonArray { Count: > 0 } entries)
        {
            foreach (var (index, entry) in entries.Index())
            {
                Collect(entry, $"{name}[{index}]", lines);
            }
        }
        else
        {
            lines.Add((name, Text(node)));
        }
    }

    // Some texts come from agents. Control characters in them could change the terminal.
    private static string Text(JsonNode? node)
    {
        var text = node switch
        {
            null => "-",
            JsonValue value when value.TryGetValue<string>(out var plain) => plain,
            JsonObject or JsonArray => "-",
            _ => node.ToJsonString(),
        };
        return string.Concat(text.Select(static letter => char.IsControl(letter) ? ' ' : letter));
    }
}
