using System.Text;
using Edge.Settings;

namespace Edge.Program;

/// <summary>The dozen lines that tell a newcomer what runs and what to try first.</summary>
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
            text.AppendLine($"  shells   of user {Environment.UserName} on this machine, for whoever has the session token (ControlPlane:LocalAgent)");
        }

        text.AppendLine($"  data     {node.Data.Path}");
        if (File.Exists(node.Data.BootstrapFile))
        {
            var label = node.HasSessionToken ? "sign in  the first start's tokens are" : "admin    its token is";
            text.AppendLine($"  {label} in {node.Data.BootstrapFile}");
        }

        if (ServesApi(options) && !node.HasSessionToken)
        {
            text.AppendLine("  sign in  with a session token of this database; another one: Edge admin token create admin");
        }

        text.AppendLine($"  try      {Try(node)}");
        text.AppendLine("  stop     Ctrl-C drains, a second one ends at once");
        return text.ToString();
    }

    private static string Api(EdgeOptions options) =>
        options.Mode is EdgeMode.Relay ? "none; this node is a relay"
        : options.Mode is EdgeMode.Api ? "on the public listeners"
        : options.EmbedsApiServer ? "embedded"
        : options.HasReverseProxySection ? "as the ReverseProxy section says"
        : string.Join(", ", options.Backends.Select(static backend => backend.GetLeftPart(UriPartial.Authority)));

    private static bool ServesApi(EdgeOptions options) => options.EmbedsApiServer || options.Mode is EdgeMode.Api;

    // The token is read from its file, so that the terminal's and the container's logs do not keep it.
    private static string Try(EdgeNode node)
    {
        if (node.Options.Mode is EdgeMode.Relay)
        {
            return $"curl {node.AdminUrl}/readyz";
        }

        return node.HasSessionToken
            ? $"curl -H \"Coder-Session-Token: $(sed -n 's/.*\"session_token\": *\"\\([^\"]*\\)\".*/\\1/p' {Quote(node.Data.BootstrapFile)})\" {Reachable(node.PublicUrls[0])}/api/v2/users/me"
            : $"curl {Reachable(node.PublicUrls[0])}/api/v2/buildinfo";
    }

    private static string Quote(string path) => $"'{path.Replace("'", "'\\''", StringComparison.Ordinal)}'";

    private static string Reachable(string url) =>
        url.Replace("0.0.0.0", "127.0.0.1", StringComparison.Ordinal).Replace("[::]", "[::1]", StringComparison.Ordinal);
}
