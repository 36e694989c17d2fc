using Relay.Streams.Wire;

namespace Relay.Streams;

/// <summary>An upgrade to ask of an API server.</summary>
/// <param name="Target">Path and query, in origin form.</param>
/// <param name="Headers">
/// All headers as they shall stand on the wire, <c>Host</c>, <c>Connection: Upgrade</c> and exactly one <c>Upgrade</c> among them.
/// </param>
public sealed record UpgradeRequest(string Target, IReadOnlyList<HttpHeader> Headers)
{
    /// <summary>The protocol asked for; null when there is not exactly one <c>Upgrade</c> header.</summary>
    public string? Protocol => Single("Upgrade");

    /// <summary>The WebSocket key (RFC 6455 §4.1); null when there is not exactly one.</summary>
    public string? Key => Single("Sec-WebSocket-Key");

    private string? Single(string name)
    {
        var found = Headers.Where(header => header.Is(name)).Take(2).ToArray();
        return found.Length == 1 ? found[0].Value : null;
    }
}
