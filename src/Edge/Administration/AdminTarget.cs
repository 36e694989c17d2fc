using System.Text.Json;
using System.Text.Json.Nodes;
using Edge.Hosting;

namespace Edge.Administration;

/// <summary>The admin listener that commands talk to, and its token: named on the command line, or those of the node of the same settings.</summary>
internal sealed record AdminTarget(Uri Url, string Token)
{
    public static AdminTarget Find(AdminArguments arguments, Func<string, string> readFile)
    {
        if (arguments.Url is { } given && arguments.TokenFile is { } file)
        {
            return new AdminTarget(Address(given), ReadToken(file, readFile));
        }

        using var configuration = EdgeConfiguration.Load([.. arguments.Settings]);
        var options = EdgeOptions.Read(new Settings.SettingsReader(configuration), configuration, Environment.CurrentDirectory);
        return new AdminTarget(
            arguments.Url is null ? HealthCheck.Reachable(options.AdminUrl) : Address(arguments.Url),
            ReadToken(arguments.TokenFile ?? Path.Combine(options.DataDirectory, "bootstrap.json"), readFile));
    }

    private static Uri Address(string text) =>
        Uri.TryCreate(text, UriKind.Absolute, out var url) && (url.Scheme == Uri.UriSchemeHttp || url.Scheme == Uri.UriSchemeHttps) && url.PathAndQuery == "/"
            ? url
            : throw new AdminUsageException($"--url: {text} is no URL such as http://127.0.0.1:8081");

    /// <summary>From a file with the token alone, or from the <c>bootstrap.json</c> of a first start.</summary>
    private static string ReadToken(string file, Func<string, string> readFile)
    {
        var text = readFile(file).Trim();
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
            : throw new AdminUsageException($"{file} holds no admin token; name a file that does with --token-file");
    }
}
