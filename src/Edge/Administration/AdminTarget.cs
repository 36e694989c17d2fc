using Edge.Settings;

namespace Edge.Administration;

/// <summary>The admin listener of the commands and its token, from their options or from the node's settings.</summary>
internal sealed record AdminTarget(Uri Url, string Token)
{
    private const string TokenProperty = "admin_token";
    private const string TokenName = "admin token";

    /// <exception cref="SettingsException">The settings are wrong, or the file has no token.</exception>
    public static AdminTarget Find(Uri? url, string? tokenFile, IReadOnlyList<string> settings, AdminInput input)
    {
        if (url is not null && tokenFile is not null)
        {
            return new AdminTarget(url, input.ReadToken(tokenFile, TokenProperty, TokenName));
        }

        using var configuration = EdgeConfiguration.Load([.. settings]);
        var options = EdgeOptions.Read(new SettingsReader(configuration), configuration, Environment.CurrentDirectory);
        return new AdminTarget(
            url ?? options.LocalAdminUrl,
            input.ReadToken(tokenFile ?? Path.Combine(options.DataDirectory, "bootstrap.json"), TokenProperty, TokenName));
    }
}
