using Edge.Authentication;
using Edge.Settings;

namespace Edge.Derp.Admission;

/// <summary>The settings of admission to the relay. Every named source has to admit a client, as with derper's flags.</summary>
internal sealed record DerpAdmissionSettings
{
    /// <summary>The name of the setting that lists the sources.</summary>
    public const string Name = "Relay:Derp:Admission";

    /// <summary>The name of the setting <c>Relay:Derp:AllowedKeysFile</c>.</summary>
    public const string FileName = "Relay:Derp:AllowedKeysFile";

    private const string UrlName = "Relay:Derp:AdmissionUrl";

    private const string FailOpenName = "Relay:Derp:AdmissionUrlFailOpen";

    private const string SocketName = "Relay:Derp:TailscaledSocket";

    private const string DefaultSocket = "/var/run/tailscale/tailscaled.sock";

    /// <summary><c>Relay:Derp:Admission</c>; empty when it is not set.</summary>
    public IReadOnlyList<AdmissionSource> Sources { get; init; } = [];

    /// <summary><c>Relay:Derp:AllowedKeysFile</c>: node keys, one a line. Not null exactly when <c>file</c> is a source.</summary>
    public string? AllowedKeysFile { get; init; }

    /// <summary><c>Relay:Derp:AdmissionUrl</c>: the server to ask. Not null exactly when <c>url</c> is a source.</summary>
    public Uri? Url { get; init; }

    /// <summary>
    /// <c>Relay:Derp:AdmissionUrlFailOpen</c>: admit clients while the URL does not answer. Default false; derper's is true.
    /// </summary>
    public bool UrlFailOpen { get; init; }

    /// <summary>
    /// <c>Relay:Derp:TailscaledSocket</c>. Not null exactly when <c>tailscaled</c> is a source. Default: tailscaled's path on Linux.
    /// </summary>
    public string? TailscaledSocket { get; init; }

    /// <summary><c>Relay:Derp:AdmissionTimeout</c>: the time for an answer. Default 5 s, as in derper.</summary>
    public TimeSpan Timeout { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary><c>Relay:Derp:AdmissionCache</c>: how long an admission is cached. Default 1 min; zero disables the cache.</summary>
    public TimeSpan Cache { get; init; } = TimeSpan.FromMinutes(1);

    /// <summary>How long a refusal is cached: shorter, because a client that was just added to a tailnet tries again.</summary>
    public TimeSpan RefusalCache => Cache < LongestRefusal ? Cache : LongestRefusal;

    /// <summary><c>Relay:Derp:AdmissionRecheck</c>: the interval of checks of open connections. Default 5 min; zero means never.</summary>
    public TimeSpan Recheck { get; init; } = TimeSpan.FromMinutes(5);

    /// <summary>Whether the operator has set <c>Relay:Derp:Admission</c>, to <c>open</c> or anything else.</summary>
    public bool IsSet => Sources.Count > 0;

    /// <summary>Whether clients need a token in the HTTP request.</summary>
    public bool NeedsToken => Sources.Contains(AdmissionSource.Jwt);

    private static TimeSpan LongestRefusal { get; } = TimeSpan.FromSeconds(10);

    /// <summary>Reads the settings. Errors do not contain the URL, which may include a secret.</summary>
    /// <exception cref="SettingsException">A value is not allowed, is missing, or has no effect.</exception>
    public static DerpAdmissionSettings Read(SettingsReader settings)
    {
        var defaults = new DerpAdmissionSettings();
        var sources = settings.List(Name).Select(Source).Distinct().ToArray();
        if (sources.Length > 1 && sources.Contains(AdmissionSource.Open))
        {
            throw new SettingsException(
                Name, string.Join(", ", settings.List(Name)), "open admits every client and excludes other sources");
        }

        var file = settings.Text(FileName);
        var url = settings.Text(UrlName);
        var failOpen = settings.Text(FailOpenName);
        var socket = settings.Text(SocketName);
        Match(sources, AdmissionSource.File, FileName, file, isNeeded: true);
        Match(sources, AdmissionSource.Url, UrlName, url, isNeeded: true);
        Match(sources, AdmissionSource.Url, FailOpenName, failOpen, isNeeded: false);
        Match(sources, AdmissionSource.Tailscaled, SocketName, socket, isNeeded: false);
        return new DerpAdmissionSettings
        {
            Sources = sources,
            AllowedKeysFile = file,
            Url = url is null ? null : Address(url),
            UrlFailOpen = settings.Flag(FailOpenName, defaults.UrlFailOpen),
            TailscaledSocket = sources.Contains(AdmissionSource.Tailscaled) ? socket ?? DefaultSocket : null,
            Timeout = settings.Duration(
                "Relay:Derp:AdmissionTimeout", defaults.Timeout, TimeSpan.FromMilliseconds(100), TimeSpan.FromSeconds(10)),
            Cache = settings.Duration("Relay:Derp:AdmissionCache", defaults.Cache, TimeSpan.Zero, TimeSpan.FromHours(1)),
            Recheck = settings.Duration("Relay:Derp:AdmissionRecheck", defaults.Recheck, TimeSpan.Zero, TimeSpan.FromHours(24)),
        };
    }

    /// <summary>Checks that this node can do what the settings say.</summary>
    /// <param name="mode">The node's DERP mode.</param>
    /// <param name="jwt">The settings for tokens; null when the node verifies none.</param>
    /// <exception cref="SettingsException">The node forwards DERP, or has to verify tokens without settings for them.</exception>
    public void Check(DerpMode mode, EdgeJwtOptions? jwt)
    {
        var text = string.Join(", ", Sources.Select(Label));
        if (mode is DerpMode.Forward && Sources.Any(static source => source is not AdmissionSource.Open))
        {
            throw new SettingsException(
                Name,
                text,
                "this node forwards DERP, and the API servers decide about admission; set Relay:Derp:Mode=serve, or remove this setting");
        }

        if (NeedsToken && jwt is null)
        {
            throw new SettingsException(Name, text, "jwt needs Edge:Authentication:Jwt, which names the issuer of valid tokens");
        }
    }

    private static string Label(AdmissionSource source) => source.ToString().ToLowerInvariant();

    private static AdmissionSource Source(string text)
    {
        foreach (var source in Enum.GetValues<AdmissionSource>())
        {
            if (Label(source).Equals(text, StringComparison.OrdinalIgnoreCase))
            {
                return source;
            }
        }

        throw new SettingsException(Name, text, $"allowed are {string.Join(", ", Enum.GetValues<AdmissionSource>().Select(Label))}");
    }

    // Otherwise an operator who sets a URL but does not name it as a source would run an open relay without noticing.
    private static void Match(AdmissionSource[] sources, AdmissionSource source, string name, string? value, bool isNeeded)
    {
        var isNamed = sources.Contains(source);
        if (isNamed && isNeeded && value is null)
        {
            throw new SettingsException(name, null, $"the setting is required because {Name} includes {Label(source)}");
        }

        if (!isNamed && value is not null)
        {
            throw new SettingsException(name, null, $"the setting has no effect unless {Name} includes {Label(source)}");
        }
    }

    private static Uri Address(string text) =>
        Uri.TryCreate(text, UriKind.Absolute, out var url)
        && url.Scheme is "http" or "https" && url.UserInfo.Length == 0 && url.Fragment.Length == 0
            ? url
            : throw new SettingsException(
                UrlName,
                null,
                "allowed is an http or https URL without user and fragment, such as https://headscale.example.com/verify");
}
