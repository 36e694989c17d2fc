using System.Globalization;
using Edge.Settings;
using Tailnet.Peer;

namespace Edge.TailnetNode;

/// <summary>The settings of the tailnet node (<c>Edge:TailnetNode</c>), by which the API server reaches agents on other machines.</summary>
/// <param name="IsOn">Whether this process has a node: it has an API server, and <c>Enabled</c> is not false.</param>
/// <param name="Home"><c>Home</c>: the home region where the relay is not in this process; 0 chooses the fastest.</param>
/// <param name="Tokens"><c>Relays:{id}:Token</c>: the bearer tokens of relays that require one, by region.</param>
/// <param name="Node">Limits and times of the node.</param>
internal sealed record TailnetNodeSettings(bool IsOn, int Home, IReadOnlyDictionary<int, string> Tokens, TailnetNodeOptions Node)
{
    private const string Section = "Edge:TailnetNode";

    /// <exception cref="SettingsException">A setting is wrong.</exception>
    public static TailnetNodeSettings Read(SettingsReader settings, EdgeOptions options)
    {
        var defaults = new TailnetStackOptions();
        var isEnabled = settings.Flag(Section + ":Enabled", true);
        return new TailnetNodeSettings(
            isEnabled && (options.EmbedsApiServer || options.Mode is EdgeMode.Api),
            settings.Number(Section + ":Home", 0, 0, int.MaxValue),
            ReadTokens(settings),
            new TailnetNodeOptions
            {
                Stack = defaults with
                {
                    MaxAgents = settings.Number(Section + ":MaxAgents", defaults.MaxAgents, 1, 1_000_000),
                    MaxBuffered = settings.Number(Section + ":MaxBuffered", defaults.MaxBuffered, 1 << 20, 1L << 40),
                    QuietAfter = settings.Duration(
                        Section + ":QuietAfter", defaults.QuietAfter, TimeSpan.FromSeconds(1), TimeSpan.FromDays(1)),
                    ForgetAfter = settings.Duration(
                        Section + ":ForgetAfter", defaults.ForgetAfter, TimeSpan.FromSeconds(1), TimeSpan.FromDays(1)),
                },
            });
    }

    private static Dictionary<int, string> ReadTokens(SettingsReader settings)
    {
        var tokens = new Dictionary<int, string>();
        foreach (var name in settings.Children(Section + ":Relays"))
        {
            if (!int.TryParse(name, NumberStyles.None, CultureInfo.InvariantCulture, out var region) || region == 0)
            {
                throw new SettingsException($"{Section}:Relays:{name}", null, "the name must be the id of a DERP region, such as 999");
            }

            var key = $"{Section}:Relays:{name}:Token";
            tokens[region] = settings.Text(key) ?? throw new SettingsException(key, null, "a token is missing");
        }

        return tokens;
    }
}
