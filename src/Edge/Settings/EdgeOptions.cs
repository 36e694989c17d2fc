using System.Net;

namespace Edge.Settings;

/// <summary>The settings that choose the parts of a process, its addresses and its directory, with their defaults.</summary>
internal sealed record EdgeOptions
{
    /// <summary>The public listener when neither <c>--urls</c> nor <c>Kestrel:Endpoints</c> is set.</summary>
    public const string DefaultUrls = "http://127.0.0.1:8080";

    private static readonly TimeSpan LongestDrain = TimeSpan.FromHours(1);

    /// <summary><c>Edge:Mode</c>.</summary>
    public required EdgeMode Mode { get; init; }

    /// <summary><c>Edge:Admin:Url</c>: the address of the admin host.</summary>
    public required Uri AdminUrl { get; init; }

    /// <summary><see cref="AdminUrl"/> for processes of this machine.</summary>
    public Uri LocalAdminUrl => AdminUrl.Host is "0.0.0.0" or "[::]" ? new UriBuilder(AdminUrl) { Host = "localhost" }.Uri : AdminUrl;

    /// <summary><c>Edge:Backends</c>: API servers; empty in mode <c>all</c> means the embedded one.</summary>
    public required IReadOnlyList<Uri> Backends { get; init; }

    /// <summary>Whether the configuration has YARP's section <c>ReverseProxy</c> instead of <see cref="Backends"/>.</summary>
    public required bool HasReverseProxySection { get; init; }

    /// <summary><c>Edge:DataDirectory</c>, as an absolute path.</summary>
    public required string DataDirectory { get; init; }

    /// <summary><c>Edge:PublicUrl</c>: the node's URL for clients; null means the first listener's.</summary>
    public required Uri? PublicUrl { get; init; }

    /// <summary><c>Edge:ShutdownTimeout</c>: the time for running requests and streams to end.</summary>
    public required TimeSpan ShutdownTimeout { get; init; }

    /// <summary><c>Edge:DrainDelay</c>: how long the node accepts connections after it is no longer ready.</summary>
    public required TimeSpan DrainDelay { get; init; }

    /// <summary>Whether the API server runs in this process, behind the edge.</summary>
    public bool EmbedsApiServer => Mode is EdgeMode.All && Backends.Count == 0 && !HasReverseProxySection;

    /// <summary>Whether requests are forwarded to API servers.</summary>
    public bool Proxies => Mode is EdgeMode.All or EdgeMode.Edge;

    /// <summary>Reads and checks the settings. Relative directories are relative to <paramref name="workingDirectory"/>.</summary>
    public static EdgeOptions Read(SettingsReader settings, IConfiguration configuration, string workingDirectory)
    {
        var mode = settings.Choice("Edge:Mode", EdgeMode.All);
        var backends = settings.List("Edge:Backends").Select(static text => Url("Edge:Backends", text)).ToArray();
        var hasSection = configuration.GetSection("ReverseProxy").GetChildren().Any();
        if (backends.Length > 0 && hasSection)
        {
            throw new SettingsException(
                "Edge:Backends", null, "set either Edge:Backends or the section ReverseProxy, not both");
        }

        if (mode is EdgeMode.Edge && backends.Length == 0 && !hasSection)
        {
            throw new SettingsException(
                "Edge:Backends", null, "mode edge needs the URL of at least one API server, such as http://10.0.0.5:3000");
        }

        if (mode is EdgeMode.Relay or EdgeMode.Api && (backends.Length > 0 || hasSection))
        {
            var name = backends.Length > 0 ? "Edge:Backends" : "ReverseProxy";
            throw new SettingsException(
                name, null, $"mode {mode.ToString().ToLowerInvariant()} does not forward to API servers; use mode edge or all");
        }

        return new EdgeOptions
        {
            Mode = mode,
            AdminUrl = AdminAddress(settings),
            Backends = backends,
            HasReverseProxySection = hasSection,
            DataDirectory = DataDirectoryOf(settings, workingDirectory),
            PublicUrl = settings.Text("Edge:PublicUrl") is { } url ? Url("Edge:PublicUrl", url) : null,
            ShutdownTimeout = settings.Duration("Edge:ShutdownTimeout", TimeSpan.FromSeconds(30), TimeSpan.Zero, LongestDrain),
            DrainDelay = settings.Duration("Edge:DrainDelay", TimeSpan.Zero, TimeSpan.Zero, LongestDrain),
        };
    }

    /// <summary><c>Edge:DataDirectory</c> as an absolute path, for commands that need no other setting.</summary>
    public static string DataDirectoryOf(SettingsReader settings, string workingDirectory) =>
        Path.GetFullPath(settings.Text("Edge:DataDirectory") ?? ".edge", workingDirectory);

    private static Uri AdminAddress(SettingsReader settings)
    {
        const string Name = "Edge:Admin:Url";
        var text = settings.Text(Name) ?? "http://127.0.0.1:8081";
        var url = Uri.TryCreate(text, UriKind.Absolute, out var parsed) && parsed.Scheme == Uri.UriSchemeHttp && parsed.PathAndQuery == "/"
            ? parsed
            : throw new SettingsException(Name, text, "allowed is an http URL of an address and a port, such as http://127.0.0.1:8081");
        return url.Host == "localhost" || IPAddress.TryParse(url.Host.Trim('[', ']'), out _)
            ? url
            : throw new SettingsException(Name, text, "the host must be an IP address or localhost");
    }

    private static Uri Url(string name, string text) =>
        Uri.TryCreate(text, UriKind.Absolute, out var url)
        && (url.Scheme == Uri.UriSchemeHttp || url.Scheme == Uri.UriSchemeHttps)
        && url.UserInfo.Length == 0 && url.Query.Length == 0 && url.Fragment.Length == 0 && url.AbsolutePath == "/"
            ? url
            : throw new SettingsException(name, text, "allowed is an http or https URL without path, such as https://coder.example.com");
}
