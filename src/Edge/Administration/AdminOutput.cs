using System.Text;
using System.Text.Json.Nodes;

namespace Edge.Administration;

/// <summary>Answers as tables and lines for people. Pure.</summary>
internal static class AdminOutput
{
    /// <summary>A list as a table, with a line for what was left out.</summary>
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

    /// <summary>An object as a line for each of its members; those of an object in it are below its name.</summary>
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

    // Agents say some of it themselves: nothing of that may steer a terminal.
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
