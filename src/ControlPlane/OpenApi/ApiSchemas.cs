using System.Reflection;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;
using ControlPlane.Coordination;

namespace ControlPlane.OpenApi;

/// <summary>
/// The JSON schemas of a document's bodies, as the serializers write and read them: one for each object type, under the type's name. .NET's
/// <c>JsonSchemaExporter</c> would repeat a schema inline at its first use, and refer to that place elsewhere.
/// </summary>
internal sealed class ApiSchemas(XmlComments comments, ApiDescription api)
{
    private readonly SortedDictionary<string, JsonNode> _schemas = new(StringComparer.Ordinal);
    private readonly Dictionary<string, Type> _types = new(StringComparer.Ordinal);

    /// <summary>
    /// A reference to the schema of a body. A type that clients send must be added first, with <paramref name="sent"/>: its schema requires
    /// no properties.
    /// </summary>
    public JsonObject Reference(JsonTypeInfo type, bool sent = false)
    {
        var name = type.Type.Name;
        if (_types.TryAdd(name, type.Type))
        {
            _schemas[name] = Object(type, sent);
        }
        else if (_types[name] != type.Type)
        {
            throw new InvalidOperationException($"The types {type.Type} and {_types[name]} have the same schema name {name}.");
        }

        return Reference(name);
    }

    /// <summary>The schema of a body that the server sends: a reference for an object, otherwise an inline schema.</summary>
    public JsonObject Body(JsonTypeInfo type) => Value(type, sent: false);

    public JsonObject ToJson() => [.. _schemas.Select(static schema => KeyValuePair.Create(schema.Key, (JsonNode?)schema.Value))];

    private static JsonObject Reference(string name) => new() { ["$ref"] = $"#/components/schemas/{name}" };

    private JsonObject Object(JsonTypeInfo type, bool sent)
    {
        var (properties, required) = (new JsonObject(), new JsonArray());
        foreach (var property in type.Properties.Where(static property => property.Get is not null))
        {
            var member = (PropertyInfo)property.AttributeProvider!;
            var isOptional = member.GetCustomAttribute<JsonIgnoreAttribute>() is not null;
            properties[property.Name] = Property(type, property, member, sent, isOptional);
            if (!sent && !isOptional)
            {
                required.Add((JsonNode)property.Name);
            }
        }

        var schema = new JsonObject { ["type"] = "object", ["properties"] = properties };
        if (required.Count > 0)
        {
            schema["required"] = required;
        }

        if (type.Options.UnmappedMemberHandling == JsonUnmappedMemberHandling.Disallow && sent)
        {
            schema["additionalProperties"] = false;
        }

        return Described(schema, comments.Of(type.Type));
    }

    private JsonObject Property(JsonTypeInfo owner, JsonPropertyInfo property, PropertyInfo member, bool sent, bool isOptional)
    {
        JsonObject schema;
        if (property.CustomConverter is DerpMapConverter)
        {
            schema = Reference(DerpMapSchema.Name);
            DerpMapSchema.AddTo(_schemas);
        }
        else
        {
            schema = Value(owner.Options.GetTypeInfo(property.PropertyType), sent);
        }

        if (api.EnumValues.TryGetValue((owner.Type, member.Name), out var values))
        {
            var innermost = schema["items"] as JsonObject ?? schema["additionalProperties"] as JsonObject ?? schema;
            innermost["enum"] = new JsonArray([.. values.Select(static value => (JsonNode)value)]);
        }

        var canBeNull = !property.PropertyType.IsValueType || Nullable.GetUnderlyingType(property.PropertyType) is not null;
        if (canBeNull && (sent ? property.IsSetNullable : property.IsGetNullable && !isOptional))
        {
            schema = OrNull(schema);
        }

        return Described(schema, comments.Of(member));
    }

    private JsonObject Value(JsonTypeInfo type, bool sent) => type.Kind switch
    {
        JsonTypeInfoKind.Object => Reference(type, sent),
        JsonTypeInfoKind.Enumerable => new JsonObject
        {
            ["type"] = "array",
            ["items"] = Value(type.Options.GetTypeInfo(type.ElementType!), sent),
        },
        JsonTypeInfoKind.Dictionary => new JsonObject
        {
            ["type"] = "object",
            ["additionalProperties"] = Value(type.Options.GetTypeInfo(type.ElementType!), sent),
        },
        _ => Scalar(Nullable.GetUnderlyingType(type.Type) ?? type.Type),
    };

    private static JsonObject Scalar(Type type) =>
        type == typeof(string) ? Of("string")
        : type == typeof(bool) ? Of("boolean")
        : type == typeof(int) ? Of("integer", "int32")
        : type == typeof(long) ? Of("integer", "int64")
        : type == typeof(double) ? Of("number", "double")
        : type == typeof(Guid) ? Of("string", "uuid")
        : type == typeof(DateTimeOffset) ? Of("string", "date-time")
        : type == typeof(Uri) ? Of("string", "uri")
        : type == typeof(JsonElement) ? []
        : throw new InvalidOperationException($"The type {type} has no JSON schema.");

    private static JsonObject Of(string type, string? format = null) =>
        format is null ? new JsonObject { ["type"] = type } : new JsonObject { ["type"] = type, ["format"] = format };

    private static JsonObject OrNull(JsonObject schema)
    {
        if (schema.ContainsKey("$ref"))
        {
            return new JsonObject { ["anyOf"] = new JsonArray(schema, Of("null")) };
        }

        if (schema["type"] is JsonValue type)
        {
            schema["type"] = new JsonArray(type.GetValue<string>(), "null");
            (schema["enum"] as JsonArray)?.Add(null);
        }

        return schema;
    }

    private static JsonObject Described(JsonObject schema, string? description)
    {
        if (description is not null)
        {
            schema["description"] = description;
        }

        return schema;
    }
}
