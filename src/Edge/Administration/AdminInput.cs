using System.Text.Json;
using System.Text.Json.Nodes;
using Edge.Settings;

namespace Edge.Administration;

/// <summary>Standard input: for files named <c>-</c> and for answers to questions.</summary>
/// <param name="Open">Opens the input. The console changes the terminal's state then, so it is opened only when needed.</param>
/// <param name="CanAsk">Whether the input is a terminal.</param>
internal sealed record AdminInput(Func<TextReader> Open, bool CanAsk)
{
    /// <summary>The standard input of this process.</summary>
    public static AdminInput Standard => new(static () => Console.In, !Console.IsInputRedirected);

    /// <summary>Reads a file, or the input for <c>-</c>.</summary>
    /// <param name="option">The option that names the file, for the error.</param>
    /// <param name="file">The file's path.</param>
    /// <exception cref="SettingsException">The file cannot be read.</exception>
    public string Read(string option, string file)
    {
        try
        {
            return file == "-" ? Open().ReadToEnd() : File.ReadAllText(file);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException or ArgumentException)
        {
            throw new SettingsException(option, file, $"the file cannot be read ({error.Message})");
        }
    }

    /// <summary>Reads a file with only the token, or the <c>bootstrap.json</c> of a first start.</summary>
    /// <param name="file">The file that <c>--token-file</c> names, or its default.</param>
    /// <param name="property">The token's property in <c>bootstrap.json</c>.</param>
    /// <param name="name">The token's name, for the error.</param>
    /// <exception cref="SettingsException">The file cannot be read, or has no such token.</exception>
    public string ReadToken(string file, string property, string name)
    {
        const string Option = "--token-file";
        var text = Read(Option, file).Trim();
        if (text.StartsWith('{'))
        {
            try
            {
                text = JsonNode.Parse(text)?[property] is JsonValue value && value.TryGetValue<string>(out var token) ? token : "";
            }
            catch (JsonException)
            {
                text = "";
            }
        }

        return IsToken(text) ? text : throw new SettingsException(Option, file, $"the file has no {name}; name a file that has it");
    }

    /// <summary>Whether the text can be a token in a header.</summary>
    public static bool IsToken(string text) => text.Length > 0 && text.All(static letter => letter is > ' ' and <= '~');
}
