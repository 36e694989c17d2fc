using System.Net;

namespace Edge.Http;

/// <summary>
/// The proxy of the environment (<c>HTTP_PROXY</c> and the like), without loopback addresses, which a proxy on another machine cannot
/// reach, even if <c>NO_PROXY</c> does not list them. It is the default proxy of the process and so applies to all HTTP clients,
/// including those of libraries.
/// </summary>
internal sealed class DirectLoopback(IWebProxy environment) : IWebProxy
{
    public ICredentials? Credentials
    {
        get => environment.Credentials;
        set => environment.Credentials = value;
    }

    /// <summary>Replaces the default proxy of the process. Call this before the first client is created.</summary>
    public static void Apply()
    {
        if (HttpClient.DefaultProxy is not DirectLoopback)
        {
            HttpClient.DefaultProxy = new DirectLoopback(HttpClient.DefaultProxy);
        }
    }

    public Uri? GetProxy(Uri destination) => IsLoopback(destination) ? null : environment.GetProxy(destination);

    public bool IsBypassed(Uri host) => IsLoopback(host) || environment.IsBypassed(host);

    // Connections to 0.0.0.0 and :: go to this machine as well.
    private static bool IsLoopback(Uri target) =>
        target.IsLoopback
        || target.IdnHost.EndsWith(".localhost", StringComparison.OrdinalIgnoreCase)
        || (IPAddress.TryParse(target.IdnHost, out var address)
            && (IPAddress.IsLoopback(address) || address.Equals(IPAddress.Any) || address.Equals(IPAddress.IPv6Any)));
}
