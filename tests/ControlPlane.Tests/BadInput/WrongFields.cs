using System.Text.Json;
using System.Text.Json.Serialization.Metadata;

namespace ControlPlane.Tests.BadInput;

/// <summary>
/// JSON bodies of a type in which one value has a wrong kind, for every field at every depth, each with the path of that field.
/// </summary>
internal static class WrongFields
{
    private static readonly string[] Values =
    [
        "true", "1", "1.5", "-1e400", "99999999999999999999", "\"x\"", "\"2026-13-45T99:00:00Z\"", "[]", "{}", "null", Nested(40),
    ];

    public static IEnumerable<(string Body, string Field)> Of(JsonTypeInfo type)
    {
        foreach (var value in Wrong(type, mayBeNull: true))
        {
            yield return (value, "body");
        }

        foreach (var (body, field) in Within(type))
        {
            yield return (body, field.TrimStart('.'));
        }
    }

    private static IEnumerable<(string Json, string Path)> Within(JsonTypeInfo type)
    {
        switch (type.Kind)
        {
            case JsonTypeInfoKind.Object:
                foreach (var property in type.Properties.Where(static property => property.Set is not null))
                {
                    var mayBeNull = property.IsSetNullable || !type.Options.RespectNullableAnnotations;
                    foreach (var (json, path) in At(type.Options.GetTypeInfo(property.PropertyType), mayBeNull))
                    {
                        yield return ($"{{\"{property.Name}\":{json}}}", $".{property.Name}{path}");
                    }
                }

                yield return ($"{{\"unknown\":{Nested(40)}}}", ".unknown");
                break;
            case JsonTypeInfoKind.Enumerable:
                foreach (var (json, path) in At(type.Options.GetTypeInfo(type.ElementType!), !type.Options.RespectNullableAnnotations))
                {
                    yield return ($"[{json}]", "[0]" + path);
                }

                break;
            case JsonTypeInfoKind.Dictionary:
                foreach (var (json, path) in At(type.Options.GetTypeInfo(type.ElementType!), !type.Options.RespectNullableAnnotations))
                {
                    yield return ($"{{\"10000000-0000-4000-8000-000000000001\":{json}}}", ".10000000-0000-4000-8000-000000000001" + path);
                }

                break;
        }
    }

    private static IEnumerable<(string Json, string Path)> At(JsonTypeInfo type, bool mayBeNull)
    {
        var canBeNull = !type.Type.IsValueType || Nullable.GetUnderlyingType(type.Type) is not null;
        return [.. Wrong(type, mayBeNull && canBeNull).Select(static value => (value, "")), .. Within(type)];
    }

    private static IEnumerable<string> Wrong(JsonTypeInfo type, bool mayBeNull) => Values.Where(value =>
    {
        var kind = JsonElement.Parse(value, new JsonDocumentOptions { MaxDepth = 100 }).ValueKind;
        var plain = Nullable.GetUnderlyingType(type.Type) ?? type.Type;
        return kind switch
        {
            JsonValueKind.Null => !mayBeNull,
            JsonValueKind.Array when value.Length > 2 => type.Kind != JsonTypeInfoKind.Enumerable,
            _ when plain == typeof(JsonElement) => false,
            JsonValueKind.Array => type.Kind != JsonTypeInfoKind.Enumerable,
            JsonValueKind.Object => type.Kind is not (JsonTypeInfoKind.Object or JsonTypeInfoKind.Dictionary),
            JsonValueKind.String => plain != typeof(string),
            JsonValueKind.True => plain != typeof(bool),
            _ => !(plain == typeof(double) ? value != "-1e400" : plain == typeof(long) || plain == typeof(int) ? value == "1" : false),
        };
    });

    private static string Nested(int depth) => new string('[', depth) + new string(']', depth);
}
