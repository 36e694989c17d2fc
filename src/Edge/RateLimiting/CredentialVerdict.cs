using Edge.Authentication;
using Edge.Http;

namespace Edge.RateLimiting;

/// <summary>
/// Learns from the API server's answer whether the request's credential is valid. It sees responses of <see cref="HttpResponse"/>
/// itself. Code that answers on the raw transport has to report the status.
/// </summary>
internal interface ICredentialVerdict
{
    /// <summary>Reports the status of an API server's answer. Only the first report counts.</summary>
    void Answered(int status);
}

/// <inheritdoc cref="ICredentialVerdict"/>
internal sealed class CredentialVerdict(HttpContext context, CallerHash hash, AcceptedCredentials accepted) : ICredentialVerdict
{
    /// <summary>The header of a proxy token. An accepted proxy token does not prove the request's other credential.</summary>
    private const string ProxyTokenHeader = "Coder-External-Proxy-Token";

    // Read before the other middleware, which removes a verified token from the request.
    private readonly UInt128? _first = Credentials.First(context.Request) is { } first ? hash.OfCredential(first) : null;
    private readonly UInt128? _bearer = Credentials.Bearer(context.Request) is { } bearer ? hash.OfCredential(bearer) : null;
    private readonly bool _proving = ProvingRoutes.Contains(RequestTarget.RawPath(context.Request))
        && !context.Request.Headers.ContainsKey(ProxyTokenHeader);

    private bool _answered;

    /// <summary>
    /// The credential whose limit the request counts against: the bearer token or the one that the API server uses, if an API server
    /// has accepted it before.
    /// </summary>
    public UInt128? Known =>
        _bearer is { } bearer && accepted.Contains(bearer) ? bearer
        : _first is { } first && accepted.Contains(first) ? first
        : null;

    /// <summary>Whether the request has a credential about which an answer can tell something.</summary>
    public bool HasCredential => _first is not null || _bearer is not null;

    public void Answered(int status)
    {
        if (_answered)
        {
            return;
        }

        _answered = true;
        if (status == StatusCodes.Status401Unauthorized)
        {
            Forget(_first);
            Forget(_bearer);
        }
        else if (_proving && status is StatusCodes.Status101SwitchingProtocols or (>= 200 and < 300))
        {
            // If the edge has verified a token, the API server may have accepted the request because of that token only.
            var proven = context.Features.Get<VerifiedToken>() is { } verified ? hash.OfCredential(verified.Token) : _first;
            if (proven is { } credential)
            {
                accepted.Add(credential);
            }
        }
    }

    private void Forget(UInt128? credential)
    {
        if (credential is { } value)
        {
            accepted.Remove(value);
        }
    }
}
