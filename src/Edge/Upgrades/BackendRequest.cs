using System.Security.Cryptography;
using Edge.Http;
using Relay.Streams;
using Relay.Streams.Wire;

namespace Edge.Upgrades;

/// <summary>The upgrade as an API server is asked for it: the transformed request, and the headers of this one connection.</summary>
internal static class BackendRequest
{
    public static UpgradeRequest Create(HttpRequestMessage request, RequestedUpgrade upgrade)
    {
        var headers = new List<HttpHeader> { new("Host", request.Headers.Host ?? request.RequestUri!.Authority) };
        var all = request.Content is null ? request.Headers.NonValidated : request.Headers.NonValidated.Concat(request.Content.Headers.NonValidated);
        foreach (var (name, values) in all)
        {
            if (name is not "Host")
            {
                headers.AddRange(values.Select(value => new HttpHeader(name, value)));
            }
        }

        headers.Add(new HttpHeader("Connection", "Upgrade"));
        headers.Add(new HttpHeader("Upgrade", upgrade.Protocol));
        if (upgrade.IsExtendedConnect)
        {
            // HTTP/2 needs no proof that the server understood; HTTP/1.1 does (RFC 8441 §5, RFC 6455 §4.1).
            headers.RemoveAll(static header => header.Is("Sec-WebSocket-Key"));
            headers.Add(new HttpHeader("Sec-WebSocket-Key", Convert.ToBase64String(RandomNumberGenerator.GetBytes(16))));
        }

        return new UpgradeRequest(request.RequestUri!.PathAndQuery, headers);
    }
}
