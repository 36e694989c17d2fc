using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Edge.Settings;

namespace Edge.Administration;

/// <summary>The syntax of an option's value, and its conversion for the request.</summary>
/// <param name="Placeholder">The value's name in the help; null for an option without a value.</param>
/// <param name="Arity">The number of values.</param>
/// <param name="Parse">Converts the values of the option with this name. Throws <see cref="SettingsException"/>.</param>
internal sealed record AdminValue(string? Placeholder, ArgumentArity Arity, Func<string, string[], JsonNode> Parse)
{
    /// <summary>Any text.</summary>
    public static AdminValue Text { get; } = One("TEXT", static (_, text) => text);

    /// <summary>A whole number.</summary>
    public static AdminValue Number { get; } = One("N", static (option, text) =>
        long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number)
            ? number
            : throw new SettingsException(option, text, "allowed is a whole number"));

    /// <summary>An option without a value.</summary>
    public static AdminValue Flag { get; } = new(null, ArgumentArity.Zero, static (_, _) => true);

    /// <summary>A duration such as <c>90s</c> or <c>720h</c>; seconds in the API.</summary>
    public static AdminValue Duration { get; } = One("TIME", static (option, text) =>
        SettingsReader.TryParseDuration(text, out var duration)
            ? (long)duration.TotalSeconds
            : throw new SettingsException(option, text, "allowed is a duration such as 90s, 30m or 720h"));

    /// <summary><c>NAME=VALUE</c>. The option may be repeated.</summary>
    public static AdminValue Pairs { get; } = new("NAME=VALUE", ArgumentArity.OneOrMore, static (option, texts) =>
    {
        var pairs = new JsonObject();
        foreach (var text in texts)
        {
            var at = text.IndexOf('=', StringComparison.Ordinal);
            pairs[at > 0 ? text[..at] : throw new SettingsException(option, text, "allowed is NAME=VALUE")] = text[(at + 1)..];
        }

        return pairs;
    });

    /// <summary>The path of a file with a secret, which is then in no list of processes. <c>-</c> is the input.</summary>
    public static AdminValue SecretFile(AdminInput input) => One("FILE", (option, file) => input.Read(option, file).Trim());

    /// <summary>The path of a file with a JSON object. <c>-</c> is the input.</summary>
    public static AdminValue JsonFile(AdminInput input) => One("FILE", (option, file) =>
    {
        // Without this option a duplicate name would be found only when the request is sent.
        var strict = new JsonDocumentOptions { AllowDuplicateProperties = false };
        try
        {
            return JsonNode.Parse(input.Read(option, file), documentOptions: strict) as JsonObject
                ?? throw new SettingsException(option, file, "the file has no JSON object");
        }
        catch (JsonException error)
        {
            throw new SettingsException(option, file, $"the file cannot be read as JSON: {error.Message}");
        }
    });

    private static AdminValue One(string placeholder, Func<string, string, JsonNode> parse) =>
        new(placeholder, ArgumentArity.ExactlyOne, (option, texts) => parse(option, texts[0]));
}
