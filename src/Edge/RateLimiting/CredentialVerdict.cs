using Edge.Authentication;
using Edge.Http;

namespace Edge.RateLimiting;

/// <summary>
/// Learns from the API server's answer what the request's credential is worth. A response that goes through
/// <see cref="HttpResponse"/> is noticed by itself; whoever answers on the raw transport reports the status.
/// </summary>
internal interface ICredentialVerdict
{
    /// <summary>Reports the status with which an API server answered. Only the first report counts.</summary>
    void Answered(int status);
}

/// <inheritdoc cref="ICredentialVerdict"/>
internal sealed class CredentialVerdict(HttpContext context, CallerHash hash, AcceptedCredentials accepted) : ICredentialVerdict
{
    /// <summary>A proxy token proves nothing about another credential beside it.</summary>
    private const string ProxyTokenHeader = "Coder-External-Proxy-Token";

    // Taken on arrival: a verified token is removed from the request later on.
    private readonly UInt128? _first = Credentials.First(context.Request) is { } first ? hash.OfCredential(first) : null;
    private readonly UInt128? _bearer = Credentials.Bearer(context.Request) is { } bearer ? hash.OfCredential(bearer) : null;
    private readonly bool _proving = ProvingRoutes.Contains(RequestTarget.RawPath(context.Request))
        && !context.Request.Headers.ContainsKey(ProxyTokenHeader);

    private bool _answered;

    /// <summary>
    /// The credential that the request counts for: the bearer token or the API server's own choice, if it was accepted
    /// before.
    /// </summary>
    public UInt128? Known =>
        _bearer is { } bearer && accepted.Contains(bearer) ? bearer
        : _first is { } first && accepted.Contains(first) ? first
        : null;

    /// <summary>Whether an answer can teach anything.</summary>
    public bool IsOfUse => _first is not null || _bearer is not null;

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
            // Where the edge verified a token, the answer may be owed to it alone.
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
