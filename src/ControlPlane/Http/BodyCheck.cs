using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;

namespace ControlPlane.Http;

/// <summary>
/// Validates JSON against the type of a request's body, and names each invalid field and what is allowed there. The rules are those of the
/// type's serializer options. This is a second pass: the serializer stops at the first error and does not say what it expects.
/// </summary>
internal ref struct BodyCheck
{
    /// <summary>The most errors that a response lists.</summary>
    public const int MaxErrors = 16;

    /// <summary>The field's name when the whole body is invalid.</summary>
    public const string WholeBody = "body";

    private const int MaxNameCharacters = 64;

    private readonly JsonSerializerOptions _options;
    private readonly List<ApiValidation> _errors = [];
    private Utf8JsonReader _reader;

    private BodyCheck(ReadOnlySpan<byte> json, JsonSerializerOptions options)
    {
        _options = options;

        // The reader accepts any depth: this type checks the limit itself, so that the error can name the field.
        _reader = new Utf8JsonReader(json, new JsonReaderOptions { MaxDepth = int.MaxValue });
    }

    /// <summary>The invalid fields, by paths such as <c>apps[0].slug</c>. Empty when the text is valid for the type.</summary>
    /// <exception cref="JsonException">The text is not JSON. The exception has the line and the byte.</exception>
    public static IReadOnlyList<ApiValidation> Find(ReadOnlySpan<byte> json, JsonTypeInfo type)
    {
        var check = new BodyCheck(json, type.Options);
        var syntaxCheck = check._reader;
        while (syntaxCheck.Read())
        {
        }

        check._reader.Read();
        check.Value(type, "", mayBeNull: true);
        return check._errors;
    }

    /// <summary>Validates the value at the reader, and moves the reader to the value's last token.</summary>
    private void Value(JsonTypeInfo type, string path, bool mayBeNull)
    {
        if (_reader.TokenType == JsonTokenType.Null)
        {
            if (!mayBeNull)
            {
                Refuse(path, $"must be {Allowed(type)}, not null");
            }

            return;
        }

        switch (type.Kind)
        {
            case JsonTypeInfoKind.Object when _reader.TokenType == JsonTokenType.StartObject:
                Object(type, path);
                break;
            case JsonTypeInfoKind.Dictionary when _reader.TokenType == JsonTokenType.StartObject:
                Dictionary(type, path);
                break;
            case JsonTypeInfoKind.Enumerable when _reader.TokenType == JsonTokenType.StartArray:
                List(type, path);
                break;
            case JsonTypeInfoKind.None when CanDeserialize(type):
                Skip(path);
                break;
            default:
                Refuse(path, $"must be {Allowed(type)}{(mayBeNull ? " or null" : "")}");
                Skip(null);
                break;
        }
    }

    private void Object(JsonTypeInfo type, string path)
    {
        var names = _options.PropertyNameCaseInsensitive ? StringComparer.OrdinalIgnoreCase : StringComparer.Ordinal;
        var seen = new HashSet<string>(names);
        while (_errors.Count < MaxErrors && _reader.Read() && _reader.TokenType == JsonTokenType.PropertyName)
        {
            var name = _reader.GetString()!;
            var property = Settable(type).FirstOrDefault(property => names.Equals(property.Name, name));
            var member = Member(path, property?.Name ?? name);
            _reader.Read();
            if (property is null)
            {
                if (_options.UnmappedMemberHandling == JsonUnmappedMemberHandling.Disallow)
                {
                    Refuse(member, $"is not known; known are {string.Join(", ", Settable(type).Select(static known => known.Name))}");
                    Skip(null);
                }
                else
                {
                    Skip(member);
                }

                continue;
            }

            RefuseDuplicate(seen, property.Name, member);
            Value(
                _options.GetTypeInfo(property.PropertyType),
                member,
                MayBeNull(property.PropertyType) && (property.IsSetNullable || !_options.RespectNullableAnnotations));
        }
    }

    private void Dictionary(JsonTypeInfo type, string path)
    {
        var seen = new HashSet<string>(StringComparer.Ordinal);
        while (_errors.Count < MaxErrors && _reader.Read() && _reader.TokenType == JsonTokenType.PropertyName)
        {
            var name = _reader.GetString()!;
            RefuseDuplicate(seen, name, Member(path, name));
            _reader.Read();
            Entry(type, Member(path, name));
        }
    }

    private void List(JsonTypeInfo type, string path)
    {
        for (var index = 0; _errors.Count < MaxErrors && _reader.Read() && _reader.TokenType != JsonTokenType.EndArray; index++)
        {
            Entry(type, FormattableString.Invariant($"{path}[{index}]"));
        }
    }

    // JsonTypeInfo does not say whether entries may be null. Strict options allow no null.
    private void Entry(JsonTypeInfo type, string path) => Value(
        _options.GetTypeInfo(type.ElementType!), path, MayBeNull(type.ElementType!) && !_options.RespectNullableAnnotations);

    private static IEnumerable<JsonPropertyInfo> Settable(JsonTypeInfo type) =>
        type.Properties.Where(static property => property.Set is not null);

    private static bool MayBeNull(Type type) => !type.IsValueType || Nullable.GetUnderlyingType(type) is not null;

    private readonly bool CanDeserialize(JsonTypeInfo type)
    {
        var reader = _reader;
        try
        {
            JsonSerializer.Deserialize(ref reader, type);
            return true;
        }
        catch (JsonException)
        {
            return false;
        }
    }

    /// <summary>Skips the value. A value that is nested too deep is an error, unless <paramref name="path"/> is null.</summary>
    private void Skip(string? path)
    {
        var (start, tooDeep) = (_reader.CurrentDepth, false);
        if (_reader.TokenType is not (JsonTokenType.StartObject or JsonTokenType.StartArray))
        {
            return;
        }

        do
        {
            tooDeep |= _reader.CurrentDepth >= _options.MaxDepth
                && _reader.TokenType is JsonTokenType.StartObject or JsonTokenType.StartArray;
            _reader.Read();
        }
        while (_reader.CurrentDepth > start);
        if (tooDeep && path is not null)
        {
            Refuse(path, FormattableString.Invariant($"is nested deeper than the {_options.MaxDepth} levels that a body may have"));
        }
    }

    private readonly void RefuseDuplicate(HashSet<string> seen, string name, string path)
    {
        if (!seen.Add(name) && !_options.AllowDuplicateProperties)
        {
            Refuse(path, "must not be there twice");
        }
    }

    private readonly void Refuse(string path, string detail) => _errors.Add(new ApiValidation(path.Length == 0 ? WholeBody : path, detail));

    private static string Member(string path, string name)
    {
        var shown = name.Length == 0 ? "\"\"" : name.Length > MaxNameCharacters ? name[..MaxNameCharacters] + "…" : name;
        return path.Length == 0 ? shown : $"{path}.{shown}";
    }

    private static string Allowed(JsonTypeInfo type)
    {
        var plain = Nullable.GetUnderlyingType(type.Type) ?? type.Type;
        return type.Kind switch
        {
            JsonTypeInfoKind.Object or JsonTypeInfoKind.Dictionary => "an object",
            JsonTypeInfoKind.Enumerable => "a list",
            _ when plain == typeof(string) => "a string",
            _ when plain == typeof(bool) => "true or false",
            _ when plain == typeof(Guid) => "a UUID such as 3b579bf4-1ed8-4b99-87a8-e9a1e3410410",
            _ when plain == typeof(DateTimeOffset) => "a time of RFC 3339 such as 2030-01-31T00:00:00Z",
            _ when plain == typeof(int) => FormattableString.Invariant($"a whole number from {int.MinValue} to {int.MaxValue}"),
            _ when plain == typeof(long) => FormattableString.Invariant($"a whole number from {long.MinValue} to {long.MaxValue}"),
            _ when plain == typeof(double) => FormattableString.Invariant($"a number from {double.MinValue:R} to {double.MaxValue:R}"),
            _ => "a value without the same name twice in an object",
        };
    }
}
