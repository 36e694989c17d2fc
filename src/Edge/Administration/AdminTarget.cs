using System.Text.Json;
using System.Text.Json.Nodes;
using Edge.Settings;

namespace Edge.Administration;

/// <summary>The admin listener of the commands and its token, from their options or from the node's settings.</summary>
internal sealed record AdminTarget(Uri Url, string Token)
{
    /// <exception cref="SettingsException">The settings are wrong, or the file has no token.</exception>
    public static AdminTarget Find(Uri? url, string? tokenFile, IReadOnlyList<string> settings, AdminInput input)
    {
        if (url is not null && tokenFile is not null)
        {
            return new AdminTarget(url, ReadToken(tokenFile, input));
        }

        using var configuration = EdgeConfiguration.Load([.. settings]);
        var options = EdgeOptions.Read(new SettingsReader(configuration), configuration, Environment.CurrentDirectory);
        return new AdminTarget(
            url ?? options.LocalAdminUrl,
            ReadToken(tokenFile ?? Path.Combine(options.DataDirectory, "bootstrap.json"), input));
    }

    /// <summary>Reads a file with only the token, or the <c>bootstrap.json</c> of a first start.</summary>
    private static string ReadToken(string file, AdminInput input)
    {
        const string Option = "--token-file";
        var text = input.Read(Option, file).Trim();
        if (text.StartsWith('{'))
        {
            try
            {
                text = JsonNode.Parse(text)?["admin_token"] is JsonValue value && value.TryGetValue<string>(out var token) ? token : "";
            }
            catch (JsonException)
            {
                text = "";
            }
        }

        return text.Length > 0 && text.All(static letter => letter is > ' ' and <= '~')
            ? text
            : throw new SettingsException(Option, file, "the file has no admin token; name a file that has it");
    }
}
