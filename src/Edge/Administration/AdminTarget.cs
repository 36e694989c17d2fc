using System.Text.Json;
using System.Text.Json.Nodes;
using Edge.Settings;

namespace Edge.Administration;

/// <summary>The admin listener that commands talk to, and its token: those that options name, or those of the node's settings.</summary>
internal sealed record AdminTarget(Uri Url, string Token)
{
    /// <exception cref="SettingsException">The settings are wrong, or the file holds no token.</exception>
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

    /// <summary>From a file with the token alone, or from the <c>bootstrap.json</c> of a first start.</summary>
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
            : throw new SettingsException(Option, file, "the file holds no admin token; name one that does");
    }
}
