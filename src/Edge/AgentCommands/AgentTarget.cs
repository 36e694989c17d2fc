using Edge.Administration;
using Edge.Settings;

namespace Edge.AgentCommands;

/// <summary>The server of the commands and its session token.</summary>
/// <param name="Url">The server's URL.</param>
/// <param name="Token">The session token.</param>
internal sealed record AgentTarget(Uri Url, string Token)
{
    public const string ExampleUrl = "http://127.0.0.1:8080";
    public const string UrlVariable = "EDGE_URL";
    public const string TokenVariable = "EDGE_SESSION_TOKEN";

    /// <summary>Finds each of both by its option, else by its environment variable, else by the node's settings.</summary>
    /// <param name="url">The value of <c>--url</c>.</param>
    /// <param name="tokenFile">The value of <c>--token-file</c>.</param>
    /// <param name="dataDirectory">The value of <c>--data-directory</c>.</param>
    /// <param name="settings">The node's settings on the command line.</param>
    /// <param name="input">The input for a file named <c>-</c>.</param>
    /// <exception cref="SettingsException">An option, a variable or a setting is wrong, or the file has no token.</exception>
    public static AgentTarget Find(
        Uri? url, string? tokenFile, string? dataDirectory, IReadOnlyList<string> settings, AdminInput input)
    {
        using var configuration = EdgeConfiguration.Load([.. settings]);
        var reader = new SettingsReader(configuration);
        return new AgentTarget(
            url ?? UrlOfEnvironment() ?? UrlOfSettings(reader),
            tokenFile is null && TokenOfEnvironment() is { } token
                ? token
                : input.ReadToken(tokenFile ?? BootstrapFile(dataDirectory, reader), "session_token", "session token"));
    }

    private static Uri? UrlOfEnvironment() => Environment.GetEnvironmentVariable(UrlVariable) is not { Length: > 0 } text ? null
        : ApiAddress.TryParse(text, out var url) ? url
        : throw ApiAddress.Refusal(UrlVariable, text, ExampleUrl);

    private static string? TokenOfEnvironment() => Environment.GetEnvironmentVariable(TokenVariable) is not { Length: > 0 } text ? null
        : AdminInput.IsToken(text) ? text
        : throw new SettingsException(TokenVariable, null, "the variable has no session token: a token has no spaces");

    /// <summary>The URL of the node with these settings, for processes of its machine.</summary>
    private static Uri UrlOfSettings(SettingsReader settings)
    {
        var name = settings.Text("Edge:PublicUrl") is null ? "urls" : "Edge:PublicUrl";
        var text = (settings.Text(name) ?? EdgeOptions.DefaultUrls).Split(';')[0];
        if (!ApiAddress.TryParse(text, out var url) || url.Port == 0)
        {
            throw new SettingsException(name, text, $"the commands cannot use it; add --url with a URL such as {ExampleUrl}");
        }

        return url.Host is "0.0.0.0" or "[::]" ? new UriBuilder(url) { Host = "localhost" }.Uri : url;
    }

    private static string BootstrapFile(string? dataDirectory, SettingsReader settings) => Path.Combine(
        dataDirectory is null
            ? EdgeOptions.DataDirectoryOf(settings, Environment.CurrentDirectory)
            : Path.GetFullPath(dataDirectory),
        "bootstrap.json");
}
