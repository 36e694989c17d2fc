using System.Text;
using System.Text.Json;

namespace ControlPlane.Tests.OpenApi;

/// <summary>An OpenAPI document as Markdown: a table of its operations, and one for each type.</summary>
internal static class ReferenceDocument
{
    private const int MaxLineLength = 120;

    public static string Write(JsonElement document)
    {
        var root = document.GetProperty("servers")[0].GetProperty("url").GetString();
        var text = new StringBuilder($"# {document.GetProperty("info").GetProperty("title").GetString()}: reference\n\n");
        text.Append(
            $"Paths are below `{root}`. This page is made from the OpenAPI document at `{root}/openapi.json`, whose descriptions\n");
        text.Append("are the comments of the code. `ReferenceTests` says how to write it anew. A field with a `?` may be missing.\n\n"
            + "## Operations\n");
        foreach (var path in document.GetProperty("paths").EnumerateObject())
        {
            foreach (var operation in path.Value.EnumerateObject().Where(static one => one.Name != "parameters"))
            {
                Operation(text, operation.Name, path.Name, path.Value, operation.Value);
            }
        }

        text.Append("\n## Types\n");
        foreach (var schema in document.GetProperty("components").GetProperty("schemas").EnumerateObject())
        {
            Type(text, schema.Name, schema.Value);
        }

        return string.Join('\n', text.ToString().Split('\n').SelectMany(Wrapped));
    }

    // Headings and rows of tables are one line in Markdown, whatever their length.
    private static IEnumerable<string> Wrapped(string line)
    {
        while (line.Length > MaxLineLength && line[0] is not ('#' or '|'))
        {
            var end = line.LastIndexOf(' ', MaxLineLength);
            yield return line[..end];
            line = line[(end + 1)..];
        }

        yield return line;
    }

    private static void Operation(StringBuilder text, string method, string path, JsonElement item, JsonElement operation)
    {
        text.Append($"\n### {method.ToUpperInvariant()} {path}\n\n");
        text.Append($"{operation.GetProperty("summary").GetString()}. {operation.GetProperty("description").GetString()}\n");
        var parameters = Entries(item, "parameters").Concat(Entries(operation, "parameters")).ToList();
        if (parameters.Count > 0)
        {
            text.Append("\n| parameter | in | type | description |\n|---|---|---|---|\n");
            foreach (var one in parameters)
            {
                text.Append($"| `{one.GetProperty("name").GetString()}` | {one.GetProperty("in").GetString()} ");
                text.Append($"| {TypeOf(one.GetProperty("schema"))} | {Cell(one)} |\n");
            }
        }

        text.Append('\n');
        if (operation.TryGetProperty("requestBody", out var body))
        {
            text.Append($"Body: {ContentOf(body)}. ");
        }

        var named = operation.GetProperty("responses").EnumerateObject().Where(static one => one.Name != "default")
            .ToLookup(static one => one.Name[0] >= '4');
        text.Append($"Answer: {string.Join(", ", named[false].Select(Answer))}. Errors: "
            + $"{string.Join(", ", named[true].Select(static one => one.Name))}.\n");
    }

    private static string Answer(JsonProperty response) =>
        (response.Name == "101" ? "101 a WebSocket" : $"{response.Name} {ContentOf(response.Value)}").TrimEnd();

    private static void Type(StringBuilder text, string name, JsonElement schema)
    {
        var required = Entries(schema, "required").Select(static one => one.GetString()).ToHashSet();
        text.Append($"\n### {name}\n\n{schema.GetProperty("description").GetString()}\n\n");
        text.Append("| field | type | description |\n|---|---|---|\n");
        foreach (var property in schema.GetProperty("properties").EnumerateObject())
        {
            text.Append($"| `{property.Name}`{(required.Contains(property.Name) ? "" : "?")} | {TypeOf(property.Value)} | "
                + $"{Cell(property.Value)} |\n");
        }
    }

    private static string ContentOf(JsonElement holder)
    {
        if (!holder.TryGetProperty("content", out var content))
        {
            return "";
        }

        var (media, schema) = content.EnumerateObject().Select(static one => (one.Name, one.Value.GetProperty("schema"))).Single();
        return media == "application/json" ? TypeOf(schema) : $"`{media}`";
    }

    private static string TypeOf(JsonElement schema)
    {
        if (schema.TryGetProperty("$ref", out var reference))
        {
            var name = reference.GetString()!.Split('/')[^1];
            return $"[{name}](#{name.ToLowerInvariant()})";
        }

        if (schema.TryGetProperty("anyOf", out var either))
        {
            return string.Join(" or ", either.EnumerateArray().Select(TypeOf));
        }

        if (schema.TryGetProperty("enum", out var words))
        {
            return string.Join(
                ", ",
                words.EnumerateArray().Select(static word => word.ValueKind == JsonValueKind.Null ? "null" : $"`{word.GetString()}`"));
        }

        if (!schema.TryGetProperty("type", out var type))
        {
            return "any";
        }

        var (kind, orNull) = type.ValueKind == JsonValueKind.Array ? (type[0].GetString()!, " or null") : (type.GetString()!, "");
        return (kind switch
        {
            "array" => $"list of {TypeOf(schema.GetProperty("items"))}",
            "object" => $"object of {TypeOf(schema.GetProperty("additionalProperties"))}",
            _ when schema.TryGetProperty("format", out var format) && format.GetString() is "uuid" or "date-time" or "uri" =>
                format.GetString()!,
            _ => kind,
        }) + orNull;
    }

    private static string Cell(JsonElement described) =>
        described.GetProperty("description").GetString()!.Replace("|", "\\|", StringComparison.Ordinal);

    private static JsonElement[] Entries(JsonElement owner, string list) =>
        owner.TryGetProperty(list, out var entries) ? [.. entries.EnumerateArray()] : [];
}
