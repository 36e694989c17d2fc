using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;

namespace ControlPlane.Tests.BadInput;

/// <summary>Hostile values. One seed always gives the same ones.</summary>
internal sealed class HostileInput(int seed)
{
    /// <summary>In bodies that must not get into a log.</summary>
    public const string Marker = "geheim-7f3a";

    private static readonly string[] Sql =
    [
        "'; DROP TABLE users; --", "' OR '1'='1", "\" OR 1=1 --", "1); DELETE FROM workspace_agents; --", "$id", "@id", ":id", "?1", "%",
        "_", "\\",
    ];

    private static readonly string[] Texts =
    [
        .. Sql, "admin", "admin/default", "a", "main", "info", "2026-01-01T00:00:00Z", "", " ", Marker, "\\u0000", "\\ud800",
        "\\udfff\\ud800", "\\r\\nSet-Cookie: a=b", "<script>", "\\u001b[2J", "../../etc/passwd", "%2e%2e%2f", "%s%n", "{0}",
        "00000000-0000-0000-0000-000000000000", "urn:uuid:00000000-0000-0000-0000-000000000000", "9999-99-99T99:99:99Z",
        "0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999999999Z", "-1", "NaN", "🏴‍☠️", "\\u202e", new string('a', 70_000),
    ];

    private static readonly string[] Values =
    [
        "null", "true", "false", "0", "-1", "1", "2147483648", "-9223372036854775809", "9223372036854775807", "18446744073709551616",
        "1e400", "-1e400", "1.5", "0.1e-300", "[]", "{}", "[null]", "[[]]", "[{}]", "{\"a\":null}", "{\"\":{}}", "[1,\"a\",null,{}]",
        Nested(8), Nested(100), new string('9', 500),
    ];

    private static readonly string[] Numbers = ["0", "1", "-1", "2147483647", "9223372036854775807", "-9223372036854775808"];

    private readonly Random _random = new(seed);

    /// <summary>Bodies that are none for any route.</summary>
    public static IReadOnlyList<byte[]> Bodies { get; } =
    [
        [],
        .. new[]
        {
            " ", "{", "}", "[", "nul", "null", "true", "1", "\"a\"", "[]", "[null]", "{}", "{}{}", "{\"a\":1,}", "{a:1}", "{'a':1}",
            "{\"a\":\"\\x\"}", "{\"a\":\"\\ud800\"}", "{\"logs\":null}", "/* */{}", "\ufeff{}", "{\"a\":NaN}", "{\"\":\"\"}", Nested(17),
            Nested(100_000), new string('{', 5), "{\"a\":" + new string('9', 10_000) + "}",
        }.Select(Encoding.UTF8.GetBytes),
        [0xFF, 0xFE, 0x7B, 0x7D],
        [0x7B, 0x22, 0xC3, 0x28, 0x22, 0x3A, 0x22, 0xED, 0xA0, 0x80, 0x22, 0x7D],
        [0x00],
        new byte[1000],
    ];

    /// <summary>Values for a place in a path, escaped or not escapable.</summary>
    public static IReadOnlyList<string> Segments { get; } =
    [
        .. Sql.Select(Uri.EscapeDataString), "%00", "%ff%fe", "%2e%2e", "..%2f..%2fetc%2fpasswd", "%252e", "%5c..", "a%0d%0ab",
        "%F0%9F%8F%B4", "-", "me", "me%2f", new string('a', 3000), "{00000000-0000-0000-0000-000000000000}",
        "admin%2Fdefault%2Fmain%2Fmore", "%2F%2F", "00000000-0000-0000-0000-00000000000g",
    ];

    /// <summary>A value for a query.</summary>
    public string QueryValue() =>
        Uri.EscapeDataString(JsonSerializer.Deserialize<string>($"\"{ShortText()}\"") is { Length: <= 2000 } text ? text : "x");

    /// <summary>An object with members of this type, each of them left out, of the wrong type, or with something hostile in it.</summary>
    public byte[] Body(JsonTypeInfo type) => Encoding.UTF8.GetBytes(Object(type, depth: 0));

    private static string Nested(int depth) => new string('[', depth) + new string(']', depth);

    private string ShortText()
    {
        // Lone surrogates cannot be in a .NET client's URL.
        string text;
        do
        {
            text = Pick(Texts);
        }
        while (text.Length > 1000 || text.Contains("\\ud", StringComparison.Ordinal) || text == "\\");
        return text.Replace("\"", "\\\"", StringComparison.Ordinal);
    }

    private string Object(JsonTypeInfo type, int depth)
    {
        var members = type.Properties
            .Where(_ => _random.Next(5) > 0)
            .Select(property => $"\"{property.Name}\":{Value(type, property.PropertyType, depth)}");
        return $"{{{string.Join(',', members)}}}";
    }

    private string Value(JsonTypeInfo within, Type type, int depth)
    {
        // Mostly what the member takes, so that what lies behind the parser is reached as well.
        if (_random.Next(4) == 0)
        {
            return Pick(Values);
        }

        type = Nullable.GetUnderlyingType(type) ?? type;
        if (type == typeof(string) || type == typeof(Guid) || type == typeof(DateTimeOffset))
        {
            return Text();
        }

        if (type == typeof(bool))
        {
            return _random.Next(2) == 0 ? "true" : "false";
        }

        if (type.IsPrimitive)
        {
            return Pick(Numbers);
        }

        var info = within.Options.GetTypeInfo(type);
        return depth > 4 ? "null"
            : info.Kind == JsonTypeInfoKind.Object ? Object(info, depth + 1)
            : info.Kind == JsonTypeInfoKind.Enumerable
            ? $"[{string.Join(',', Enumerable.Range(0, _random.Next(4)).Select(_ => Value(within, info.ElementType!, depth + 1)))}]"
            : info.Kind == JsonTypeInfoKind.Dictionary ? $"{{{Text()}:{Value(within, info.ElementType!, depth + 1)}}}"
            : Pick(Values);
    }

    private string Text()
    {
        var text = Pick(Texts);
        return text == "\\" ? "\"\\\\\"" : $"\"{text.Replace("\"", "\\\"", StringComparison.Ordinal)}\"";
    }

    private string Pick(string[] from) => from[_random.Next(from.Length)];
}
