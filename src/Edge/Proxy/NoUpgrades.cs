using System.Net;

namespace Edge.Proxy;

/// <summary>
/// Takes a 101 for a broken answer: streams do not come this way, so nobody has asked for one, and the forwarder would join
/// the connections without a look at what was agreed.
/// </summary>
internal sealed class NoUpgrades(HttpMessageHandler inner) : DelegatingHandler(inner)
{
    protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        var response = await base.SendAsync(request, cancellationToken);
        if (response.StatusCode != HttpStatusCode.SwitchingProtocols)
        {
            return response;
        }

        response.Dispose();
        throw new HttpRequestException(HttpRequestError.InvalidResponse, "The API server switched protocols unasked.");
    }
}
