using System.Text.Json.Nodes;
using System.Text.Json.Schema;
using System.Text.Json.Serialization.Metadata;

namespace ControlPlane.OpenApi;

/// <summary>The JSON schemas of a document's bodies, as their serialisers write and read them, each under its type's name.</summary>
internal sealed class ApiSchemas
{
    private static readonly JsonSchemaExporterOptions Options = new() { TreatNullObliviousAsNonNullable = true, TransformSchemaNode = Transform };

    private readonly SortedDictionary<string, JsonNode> _schemas = new(StringComparer.Ordinal);

    public JsonObject Reference(JsonTypeInfo type)
    {
        var name = type.Type.Name;
        var place = $"#/components/schemas/{name}";
        if (!_schemas.ContainsKey(name))
        {
            var schema = type.GetJsonSchemaAsNode(Options);
            Move(schema, place);
            _schemas.Add(name, schema);
        }

        return new JsonObject { ["$ref"] = place };
    }

    public JsonObject ToJson() => [.. _schemas.Select(static schema => KeyValuePair.Create(schema.Key, (JsonNode?)schema.Value))];

    /// <summary>A type that comes twice is a reference to the first time, from the schema's root, which is elsewhere now.</summary>
    private static void Move(JsonNode? node, string place)
    {
        if (node is JsonObject schema)
        {
            if (schema["$ref"] is JsonValue reference && reference.TryGetValue<string>(out var target))
            {
                schema["$ref"] = place + target[1..];
            }

            foreach (var (_, member) in schema)
            {
                Move(member, place);
            }
        }
        else if (node is JsonArray entries)
        {
            foreach (var entry in entries)
            {
                Move(entry, place);
            }
        }
    }

    // The exporter does not know what our converters write.
    private static JsonNode Transform(JsonSchemaExporterContext context, JsonNode schema)
    {
        var type = context.TypeInfo.Type;
        var plain = Nullable.GetUnderlyingType(type) ?? type;
        if (plain != typeof(DateTimeOffset) && plain != typeof(Guid))
        {
            return schema;
        }

        var format = plain == typeof(Guid) ? "uuid" : "date-time";
        return type == plain
            ? new JsonObject { ["type"] = "string", ["format"] = format }
            : new JsonObject { ["type"] = new JsonArray("string", "null"), ["format"] = format };
    }
}
