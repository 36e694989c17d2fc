using System.Net;

namespace Edge.Http;

/// <summary>
/// The proxy of the environment (<c>HTTP_PROXY</c> and its like), but not for this machine's loopback, which no proxy elsewhere can reach, whatever
/// <c>NO_PROXY</c> says. It is the default of the process, so that every HTTP client has it, those of libraries too.
/// </summary>
internal sealed class DirectLoopback(IWebProxy environment) : IWebProxy
{
    public ICredentials? Credentials
    {
        get => environment.Credentials;
        set => environment.Credentials = value;
    }

    /// <summary>Puts it before the default of the process. To be called before the first client is made.</summary>
    public static void Apply()
    {
        if (HttpClient.DefaultProxy is not DirectLoopback)
        {
            HttpClient.DefaultProxy = new DirectLoopback(HttpClient.DefaultProxy);
        }
    }

    public Uri? GetProxy(Uri destination) => IsLoopback(destination) ? null : environment.GetProxy(destination);

    public bool IsBypassed(Uri host) => IsLoopback(host) || environment.IsBypassed(host);

    // 0.0.0.0 and :: are this machine too, as the target of a connection.
    private static bool IsLoopback(Uri target) =>
        target.IsLoopback
        || target.IdnHost.EndsWith(".localhost", StringComparison.OrdinalIgnoreCase)
        || (IPAddress.TryParse(target.IdnHost, out var address)
            && (IPAddress.IsLoopback(address) || address.Equals(IPAddress.Any) || address.Equals(IPAddress.IPv6Any)));
}
