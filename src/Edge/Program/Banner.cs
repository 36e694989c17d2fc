using System.Text;
using Edge.Settings;

namespace Edge.Program;

/// <summary>The lines on standard output that show a newcomer what runs, and what to try first.</summary>
internal static class Banner
{
    public static string For(EdgeNode node)
    {
        var options = node.Options;
        var text = new StringBuilder();
        text.AppendLine($"Edge {EdgeVersion.Text}, mode {options.Mode.ToString().ToLowerInvariant()}");
        foreach (var url in node.PublicUrls)
        {
            text.AppendLine($"  public   {url}");
        }

        text.AppendLine($"  admin    {node.AdminUrl}  (/healthz, /readyz, /metrics; the rest needs the admin token)");
        text.AppendLine($"  API      {Api(options)}");
        if (node.ServesDerp)
        {
            var stun = node.StunEndPoints.Count > 0 ? $"; STUN on UDP {string.Join(", ", node.StunEndPoints)}" : string.Empty;
            text.AppendLine($"  relay    DERP at /derp of the public listeners{stun}");
        }

        if (node.HasLocalAgent)
        {
            text.AppendLine(
                $"  shells   of user {Environment.UserName} on this machine, for holders of the session token (ControlPlane:LocalAgent)");
        }

        text.AppendLine($"  data     {node.Data.Path}");
        if (File.Exists(node.Data.BootstrapFile))
        {
            var label = node.HasSessionToken ? "sign in  the first start's tokens are" : "admin    its token is";
            text.AppendLine($"  {label} in {node.Data.BootstrapFile}");
        }

        if (ServesApi(options) && !node.HasSessionToken)
        {
            text.AppendLine("  sign in  with a session token of this database; Edge admin token create admin makes another one");
        }

        text.AppendLine($"  try      {Try(node)}");
        text.AppendLine("  stop     Ctrl-C drains the node; a second Ctrl-C stops it at once");
        return text.ToString();
    }

    private static string Api(EdgeOptions options) =>
        options.Mode is EdgeMode.Relay ? "none; this node is a relay"
        : options.Mode is EdgeMode.Api ? "on the public listeners"
        : options.EmbedsApiServer ? "embedded"
        : options.HasReverseProxySection ? "as the ReverseProxy section says"
        : string.Join(", ", options.Backends.Select(static backend => backend.GetLeftPart(UriPartial.Authority)));

    private static bool ServesApi(EdgeOptions options) => options.EmbedsApiServer || options.Mode is EdgeMode.Api;

    // The command reads the token from its file, so that the logs of terminals and containers do not contain it.
    private static string Try(EdgeNode node)
    {
        if (node.Options.Mode is EdgeMode.Relay)
        {
            return $"curl {node.AdminUrl}/readyz";
        }

        var url = Reachable(node.PublicUrls[0]);
        if (!node.HasSessionToken)
        {
            return $"curl {url}/api/v2/buildinfo";
        }

        var token = $"$(sed -n 's/.*\"session_token\": *\"\\([^\"]*\\)\".*/\\1/p' {Quote(node.Data.BootstrapFile)})";
        return $"curl -H \"Coder-Session-Token: {token}\" {url}/api/v2/users/me";
    }

    private static string Quote(string path) => $"'{path.Replace("'", "'\\''", StringComparison.Ordinal)}'";

    private static string Reachable(string url) =>
        url.Replace("0.0.0.0", "127.0.0.1", StringComparison.Ordinal).Replace("[::]", "[::1]", StringComparison.Ordinal);
}
