using System.Diagnostics.CodeAnalysis;
using Npgsql;

namespace ControlPlane.Storage;

/// <summary>Validates the setting of a PostgreSQL database, a connection string of Npgsql.</summary>
public static class PostgresSetting
{
    /// <summary>Whether the text is a valid connection string with a host.</summary>
    /// <param name="text">A connection string, such as <c>Host=db;Database=edge;Username=edge</c>. It may contain a password.</param>
    /// <param name="fault">The reason when it is not valid. The reason quotes nothing of the text.</param>
    public static bool IsValid(string text, [NotNullWhen(false)] out string? fault)
    {
        try
        {
            var settings = Parse(text);
            fault = string.IsNullOrEmpty(settings.Host) ? "it has no Host"
                : settings.TargetSessionAttributes is null || HasSeveralHosts(settings) ? null
                : "Target Session Attributes needs several hosts";
        }
        catch (Exception exception) when (exception is ArgumentException or FormatException or InvalidCastException or OverflowException)
        {
            fault = "it has a keyword or a value that is not known";
        }

        return fault is null;
    }

    internal static bool HasSeveralHosts(NpgsqlConnectionStringBuilder settings) =>
        settings.Host?.Contains(',', StringComparison.Ordinal) == true;

    internal static NpgsqlConnectionStringBuilder Parse(string text) => new(text);
}
