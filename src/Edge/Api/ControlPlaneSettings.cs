using ControlPlane.Coordination;
using Edge.Derp;
using Edge.Settings;

namespace Edge.Api;

/// <summary>The settings of the embedded API server, <c>ControlPlane</c>.</summary>
internal sealed record ControlPlaneSettings
{
    /// <summary><c>ControlPlane:HostnameSuffix</c>; empty: none.</summary>
    public required string HostnameSuffix { get; init; }

    /// <summary><c>ControlPlane:DerpMap</c>.</summary>
    public required DerpMapOptions DerpMap { get; init; }

    public static ControlPlaneSettings Read(SettingsReader settings, DerpSettings derp, string workingDirectory)
    {
        const string Suffix = "ControlPlane:HostnameSuffix";
        var suffix = settings.Text(Suffix) ?? "coder";
        return new ControlPlaneSettings
        {
            HostnameSuffix = suffix == "none" ? ""
                : Uri.CheckHostName(suffix) == UriHostNameType.Dns ? suffix
                : throw new SettingsException(Suffix, suffix, "allowed is a name such as coder or dev.example.com, or none"),
            DerpMap = DerpMapSettings.Read(settings, derp, workingDirectory),
        };
    }
}
