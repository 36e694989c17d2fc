using ControlPlane.Coordination;
using ControlPlane.Storage;
using Edge.Derp;
using Edge.Settings;

namespace Edge.Api;

/// <summary>The settings of the embedded API server, <c>ControlPlane</c>.</summary>
internal sealed record ControlPlaneSettings
{
    /// <summary><c>ControlPlane:HostnameSuffix</c>; empty for none.</summary>
    public required string HostnameSuffix { get; init; }

    /// <summary>
    /// <c>ControlPlane:Database</c>: the connection string of a PostgreSQL database; null for SQLite in the data
    /// directory.
    /// </summary>
    public required string? Database { get; init; }

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
            Database = ReadDatabase(settings),
            DerpMap = DerpMapSettings.Read(settings, derp, workingDirectory),
        };
    }

    private static string? ReadDatabase(SettingsReader settings)
    {
        const string Database = "ControlPlane:Database";
        var text = settings.Text(Database);

        // The error does not contain the value, which may include a password.
        return text is null || PostgresSetting.IsValid(text, out var fault)
            ? text
            : throw new SettingsException(
                Database,
                null,
                $"allowed is a connection string of PostgreSQL, such as Host=db;Database=edge;Username=edge, but {fault}");
    }
}
