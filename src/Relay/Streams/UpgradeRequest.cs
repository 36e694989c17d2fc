using Relay.Streams.Wire;

namespace Relay.Streams;

/// <summary>An upgrade request to an API server.</summary>
/// <param name="Target">Path and query, in origin form.</param>
/// <param name="Headers">
/// All headers as they are sent, including <c>Host</c>, <c>Connection: Upgrade</c> and exactly one <c>Upgrade</c>.
/// </param>
public sealed record UpgradeRequest(string Target, IReadOnlyList<HttpHeader> Headers)
{
    /// <summary>The requested protocol; null unless there is exactly one <c>Upgrade</c> header.</summary>
    public string? Protocol => Single("Upgrade");

    /// <summary>The WebSocket key (RFC 6455 §4.1); null unless there is exactly one.</summary>
    public string? Key => Single("Sec-WebSocket-Key");

    private string? Single(string name)
    {
        var found = Headers.Where(header => header.Is(name)).Take(2).ToArray();
        return found.Length == 1 ? found[0].Value : null;
    }
}
