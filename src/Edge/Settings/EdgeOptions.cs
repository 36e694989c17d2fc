using System.Net;

namespace Edge.Settings;

/// <summary>The settings that decide what a process does and where; every default stands here.</summary>
internal sealed record EdgeOptions
{
    /// <summary>The public listener when neither <c>--urls</c> nor <c>Kestrel:Endpoints</c> is set.</summary>
    public const string DefaultUrls = "http://127.0.0.1:8080";

    private static readonly TimeSpan LongestDrain = TimeSpan.FromHours(1);

    /// <summary><c>Edge:Mode</c>.</summary>
    public required EdgeMode Mode { get; init; }

    /// <summary><c>Edge:Admin:Url</c>: where the admin host listens.</summary>
    public required Uri AdminUrl { get; init; }

    /// <summary><see cref="AdminUrl"/> as this machine's own processes reach it.</summary>
    public Uri LocalAdminUrl => AdminUrl.Host is "0.0.0.0" or "[::]" ? new UriBuilder(AdminUrl) { Host = "localhost" }.Uri : AdminUrl;

    /// <summary><c>Edge:Backends</c>: API servers; empty in mode <c>all</c> means the embedded one.</summary>
    public required IReadOnlyList<Uri> Backends { get; init; }

    /// <summary>Whether a YARP <c>ReverseProxy</c> section is given in place of <see cref="Backends"/>.</summary>
    public required bool HasReverseProxySection { get; init; }

    /// <summary><c>Edge:DataDirectory</c>, absolute.</summary>
    public required string DataDirectory { get; init; }

    /// <summary><c>Edge:PublicUrl</c>: what clients call this node; null means the first listener.</summary>
    public required Uri? PublicUrl { get; init; }

    /// <summary><c>Edge:ShutdownTimeout</c>: how long running requests and streams may take to end.</summary>
    public required TimeSpan ShutdownTimeout { get; init; }

    /// <summary><c>Edge:DrainDelay</c>: how long the node still accepts after it has said that it is not ready.</summary>
    public required TimeSpan DrainDelay { get; init; }

    /// <summary>Whether the API server runs in this process, behind the edge.</summary>
    public bool EmbedsApiServer => Mode is EdgeMode.All && Backends.Count == 0 && !HasReverseProxySection;

    /// <summary>Whether requests are forwarded to API servers.</summary>
    public bool Proxies => Mode is EdgeMode.All or EdgeMode.Edge;

    /// <summary>Reads and checks the settings; relative directories are below <paramref name="workingDirectory"/>.</summary>
    public static EdgeOptions Read(SettingsReader settings, IConfiguration configuration, string workingDirectory)
    {
        var mode = settings.Choice("Edge:Mode", EdgeMode.All);
        var backends = settings.List("Edge:Backends").Select(static text => Url("Edge:Backends", text)).ToArray();
        var hasSection = configuration.GetSection("ReverseProxy").GetChildren().Any();
        if (backends.Length > 0 && hasSection)
        {
            throw new SettingsException("Edge:Backends", null, "either this or a ReverseProxy section may be set, not both");
        }

        if (mode is EdgeMode.Edge && backends.Length == 0 && !hasSection)
        {
            throw new SettingsException("Edge:Backends", null, "mode edge needs the URL of at least one API server, such as http://10.0.0.5:3000");
        }

        if (mode is EdgeMode.Relay or EdgeMode.Api && (backends.Length > 0 || hasSection))
        {
            var name = backends.Length > 0 ? "Edge:Backends" : "ReverseProxy";
            throw new SettingsException(name, null, $"mode {mode.ToString().ToLowerInvariant()} forwards to no API server; use mode edge or all");
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

    /// <summary><c>Edge:DataDirectory</c>, absolute; also for commands that need no other setting.</summary>
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
