using Edge.Authentication;
using Edge.Settings;

namespace Edge.Derp.Admission;

/// <summary>The settings that say who may use the relay. Every source that is named must admit a client, as with derper's flags.</summary>
internal sealed record DerpAdmissionSettings
{
    /// <summary>The setting's name.</summary>
    public const string Name = "Relay:Derp:Admission";

    /// <summary><c>Relay:Derp:AllowedKeysFile</c>.</summary>
    public const string FileName = "Relay:Derp:AllowedKeysFile";

    private const string UrlName = "Relay:Derp:AdmissionUrl";

    private const string FailOpenName = "Relay:Derp:AdmissionUrlFailOpen";

    private const string SocketName = "Relay:Derp:TailscaledSocket";

    private const string DefaultSocket = "/var/run/tailscale/tailscaled.sock";

    /// <summary><c>Relay:Derp:Admission</c>; empty when it is not set.</summary>
    public IReadOnlyList<AdmissionSource> Sources { get; init; } = [];

    /// <summary><c>Relay:Derp:AllowedKeysFile</c>: node keys, one a line. Set exactly when the source is named.</summary>
    public string? AllowedKeysFile { get; init; }

    /// <summary><c>Relay:Derp:AdmissionUrl</c>: who is asked. Set exactly when the source is named.</summary>
    public Uri? Url { get; init; }

    /// <summary><c>Relay:Derp:AdmissionUrlFailOpen</c>: admit when the URL does not answer. Default false, derper's is true.</summary>
    public bool UrlFailOpen { get; init; }

    /// <summary><c>Relay:Derp:TailscaledSocket</c>: set exactly when the source is named. Default where Linux has it.</summary>
    public string? TailscaledSocket { get; init; }

    /// <summary><c>Relay:Derp:AdmissionTimeout</c>: how long an answer may take. Default 5 s, as derper.</summary>
    public TimeSpan Timeout { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary><c>Relay:Derp:AdmissionCache</c>: for how long a yes holds for the next connections. Default 1 min; zero for not at all.</summary>
    public TimeSpan Cache { get; init; } = TimeSpan.FromMinutes(1);

    /// <summary>The same of a no: shorter, since who has just been let into a tailnet tries again.</summary>
    public TimeSpan RefusalCache => Cache < LongestRefusal ? Cache : LongestRefusal;

    /// <summary><c>Relay:Derp:AdmissionRecheck</c>: how often open connections are asked about again. Default 5 min; zero for never.</summary>
    public TimeSpan Recheck { get; init; } = TimeSpan.FromMinutes(5);

    /// <summary>Whether the operator has said anything, <c>open</c> included.</summary>
    public bool IsSet => Sources.Count > 0;

    /// <summary>Whether a client needs a token in its HTTP request.</summary>
    public bool NeedsToken => Sources.Contains(AdmissionSource.Jwt);

    private static TimeSpan LongestRefusal { get; } = TimeSpan.FromSeconds(10);

    /// <summary>Reads the settings.</summary>
    /// <exception cref="SettingsException">A value is not allowed, is missing, or has no use. The URL, which may hold a secret, is not in it.</exception>
    public static DerpAdmissionSettings Read(SettingsReader settings)
    {
        var defaults = new DerpAdmissionSettings();
        var sources = settings.List(Name).Select(Source).Distinct().ToArray();
        if (sources.Length > 1 && sources.Contains(AdmissionSource.Open))
        {
            throw new SettingsException(Name, string.Join(", ", settings.List(Name)), "open lets everybody in, so it stands alone");
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
            Timeout = settings.Duration("Relay:Derp:AdmissionTimeout", defaults.Timeout, TimeSpan.FromMilliseconds(100), TimeSpan.FromSeconds(10)),
            Cache = settings.Duration("Relay:Derp:AdmissionCache", defaults.Cache, TimeSpan.Zero, TimeSpan.FromHours(1)),
            Recheck = settings.Duration("Relay:Derp:AdmissionRecheck", defaults.Recheck, TimeSpan.Zero, TimeSpan.FromHours(24)),
        };
    }

    /// <summary>Stops the start when these settings promise what this node does not do.</summary>
    /// <param name="mode">What the node does with DERP.</param>
    /// <param name="jwt">How it verifies tokens; null when it does not.</param>
    /// <exception cref="SettingsException">It forwards DERP, or tokens are asked for and cannot be verified.</exception>
    public void Check(DerpMode mode, EdgeJwtOptions? jwt)
    {
        var text = string.Join(", ", Sources.Select(Label));
        if (mode is DerpMode.Forward && Sources.Any(static source => source is not AdmissionSource.Open))
        {
            throw new SettingsException(Name, text, "DERP is forwarded here, and who may use it is the API servers' business; set Relay:Derp:Mode=serve, or leave this out");
        }

        if (NeedsToken && jwt is null)
        {
            throw new SettingsException(Name, text, "jwt needs Edge:Authentication:Jwt, which says whose tokens are valid");
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

    // Who sets a URL and forgets to name it as a source would run an open relay and not know it.
    private static void Match(AdmissionSource[] sources, AdmissionSource source, string name, string? value, bool isNeeded)
    {
        var isNamed = sources.Contains(source);
        if (isNamed && isNeeded && value is null)
        {
            throw new SettingsException(name, null, $"needed, since {Name} names {Label(source)}");
        }

        if (!isNamed && value is not null)
        {
            throw new SettingsException(name, null, $"has no use unless {Name} names {Label(source)}");
        }
    }

    private static Uri Address(string text) =>
        Uri.TryCreate(text, UriKind.Absolute, out var url)
        && url.Scheme is "http" or "https" && url.UserInfo.Length == 0 && url.Fragment.Length == 0
            ? url
            : throw new SettingsException(UrlName, null, "allowed is an http or https URL without user and fragment, such as https://headscale.example.com/verify");
}
