using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Edge.Settings;

namespace Edge.Administration;

/// <summary>How an option's value is written, and what it is in a request.</summary>
/// <param name="Placeholder">What stands for it in the help; null: nothing follows the option's name.</param>
/// <param name="Arity">How many values there may be.</param>
/// <param name="Parse">From the option's name and its values; throws <see cref="SettingsException"/>.</param>
internal sealed record AdminValue(string? Placeholder, ArgumentArity Arity, Func<string, string[], JsonNode> Parse)
{
    /// <summary>Any text.</summary>
    public static AdminValue Text { get; } = One("TEXT", static (_, text) => text);

    /// <summary>A whole number.</summary>
    public static AdminValue Number { get; } = One("N", static (option, text) =>
        long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number)
            ? number
            : throw new SettingsException(option, text, "allowed is a whole number"));

    /// <summary>Nothing follows the option's name.</summary>
    public static AdminValue Flag { get; } = new(null, ArgumentArity.Zero, static (_, _) => true);

    /// <summary>Seconds in the API, <c>90s</c> or <c>720h</c> here.</summary>
    public static AdminValue Duration { get; } = One("TIME", static (option, text) =>
        SettingsReader.TryParseDuration(text, out var duration)
            ? (long)duration.TotalSeconds
            : throw new SettingsException(option, text, "allowed is a duration such as 90s, 30m or 720h"));

    /// <summary><c>NAME=VALUE</c>; the option may be repeated.</summary>
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

    /// <summary>The path of a file that holds a secret, so that it is in no list of processes; <c>-</c> is the input.</summary>
    public static AdminValue SecretFile(AdminInput input) => One("FILE", (option, file) => input.Read(option, file).Trim());

    /// <summary>The path of a file that holds a JSON object; <c>-</c> is the input.</summary>
    public static AdminValue JsonFile(AdminInput input) => One("FILE", (option, file) =>
    {
        // A name that is there twice would otherwise be found out when the node is written to.
        var strict = new JsonDocumentOptions { AllowDuplicateProperties = false };
        try
        {
            return JsonNode.Parse(input.Read(option, file), documentOptions: strict) as JsonObject
                ?? throw new SettingsException(option, file, "the file holds no JSON object");
        }
        catch (JsonException error)
        {
            throw new SettingsException(option, file, $"the file cannot be read as JSON: {error.Message}");
        }
    });

    private static AdminValue One(string placeholder, Func<string, string, JsonNode> parse) =>
        new(placeholder, ArgumentArity.ExactlyOne, (option, texts) => parse(option, texts[0]));
}
