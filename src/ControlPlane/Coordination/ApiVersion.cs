using System.Globalization;
using ControlPlane.Http;
using Microsoft.AspNetCore.Http;

namespace ControlPlane.Coordination;

/// <summary>The version of the agent and tailnet services, and its compatibility with requested versions (tailnet.md §3.5).</summary>
internal static class ApiVersion
{
    public const int Major = 2;
    public const int Minor = 10;

    /// <summary>The version of coordination with JSON messages, which predates version negotiation.</summary>
    public const string Json = "1.0";

    public static string Current { get; } = FormattableString.Invariant($"{Major}.{Minor}");

    /// <summary>
    /// The error for a version that this server does not support, in the words of Coder's server; null for a supported one.
    /// </summary>
    public static string? Refusal(string requested)
    {
        var parts = requested.Split('.');
        if (parts.Length != 2)
        {
            return $"invalid version string: {requested}";
        }

        if (!int.TryParse(parts[0], NumberStyles.None, CultureInfo.InvariantCulture, out var major))
        {
            return $"invalid major version: {parts[0]}";
        }

        if (!int.TryParse(parts[1], NumberStyles.None, CultureInfo.InvariantCulture, out var minor))
        {
            return $"invalid minor version: {parts[1]}";
        }

        return (major, minor) switch
        {
            ( > Major, _) => $"server is at version {Current}, behind requested major version {requested}",
            (Major, > Minor) => $"server is at version {Current}, behind requested minor version {requested}",
            (Major, _) => null,
            _ => $"version {requested} is no longer supported",
        };
    }

    /// <summary>The version that a request asks for.</summary>
    public static string Requested(HttpContext context, string ifMissing) =>
        context.Request.Query["version"] is [{ Length: > 0 } given, ..] ? given : ifMissing;

    /// <summary>The version that a request asks for. An unsupported one is answered with 400, and the result is null.</summary>
    public static async Task<string?> RequireAsync(HttpContext context, string ifMissing)
    {
        var requested = Requested(context, ifMissing);
        if (Refusal(requested) is not { } refusal)
        {
            return requested;
        }

        await context.WriteAsync(
            StatusCodes.Status400BadRequest,
            new ApiError("Unknown or unsupported API version", null, [new ApiValidation("version", refusal)]));
        return null;
    }
}
