using System.Security.Cryptography;
using Edge.Http;
using Relay.Streams;
using Relay.Streams.Wire;

namespace Edge.Upgrades;

/// <summary>Makes the upgrade request to an API server: the transformed request, and the headers of the new connection.</summary>
internal static class BackendRequest
{
    public static UpgradeRequest Create(HttpRequestMessage request, RequestedUpgrade upgrade)
    {
        var headers = new List<HttpHeader> { new("Host", request.Headers.Host ?? request.RequestUri!.Authority) };
        var all = request.Content is null
            ? request.Headers.NonValidated
            : request.Headers.NonValidated.Concat(request.Content.Headers.NonValidated);
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
            // HTTP/1.1 needs a key by which the server proves that it understood; HTTP/2 has none (RFC 8441 §5, RFC 6455 §4.1).
            headers.RemoveAll(static header => header.Is("Sec-WebSocket-Key"));
            headers.Add(new HttpHeader("Sec-WebSocket-Key", Convert.ToBase64String(RandomNumberGenerator.GetBytes(16))));
        }

        return new UpgradeRequest(request.RequestUri!.PathAndQuery, headers);
    }
}
