using System.Diagnostics.CodeAnalysis;
using Npgsql;

namespace ControlPlane.Storage;

/// <summary>The connection string of a PostgreSQL database, as Npgsql takes it.</summary>
public static class PostgresSetting
{
    /// <summary>Whether the text can be used. It may have a password in it, so that neither it nor parts of it are for people to see.</summary>
    /// <param name="text">Such as <c>Host=db;Database=edge;Username=edge</c>.</param>
    /// <param name="fault">Otherwise why not, without anything from the text.</param>
    public static bool IsValid(string text, [NotNullWhen(false)] out string? fault)
    {
        try
        {
            var settings = Parse(text);
            fault = string.IsNullOrEmpty(settings.Host) ? "it has no Host"
                : settings.TargetSessionAttributes is not null && !HasSeveralHosts(settings) ? "Target Session Attributes needs several hosts"
                : null;
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
