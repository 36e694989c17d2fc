using System.Diagnostics.CodeAnalysis;

namespace Edge.Derp.Mesh;

/// <summary>The address of another server of the mesh.</summary>
/// <param name="Text">The configured text.</param>
/// <param name="Url">The URL for DERP. Its host is the name in the TLS certificate.</param>
/// <param name="DialHost">The host to connect to instead of the URL's; null for the URL's.</param>
internal sealed record MeshAddress(string Text, Uri Url, string? DialHost)
{
    private const string Path = "/derp";

    /// <summary>
    /// Parses derper's form <c>host[:port][/dialhost]</c> (derp.md §4.1), which means https, or an http or https URL without a path,
    /// for private networks and other ports.
    /// </summary>
    public static bool TryParse(string text, [NotNullWhen(true)] out MeshAddress? address)
    {
        address = null;
        var isUrl = text.Contains("://", StringComparison.Ordinal);
        var parts = isUrl ? [text.TrimEnd('/')] : text.Split('/');
        if (parts.Length > 2
            || (parts.Length == 2 && Uri.CheckHostName(parts[1]) is UriHostNameType.Unknown)
            || !Uri.TryCreate(isUrl ? parts[0] : $"https://{parts[0]}", UriKind.Absolute, out var url)
            || (url.Scheme != Uri.UriSchemeHttps && url.Scheme != Uri.UriSchemeHttp)
            || url.Host.Length == 0 || url.PathAndQuery != "/" || url.UserInfo.Length > 0 || url.Fragment.Length > 0)
        {
            return false;
        }

        address = new MeshAddress(text, new Uri(url, Path), parts.Length == 2 ? parts[1] : null);
        return true;
    }
}
