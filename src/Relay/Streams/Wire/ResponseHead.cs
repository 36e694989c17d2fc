namespace Relay.Streams.Wire;

/// <summary>The head of an HTTP/1.x response.</summary>
/// <param name="MinorVersion">0 or 1: the digit after <c>HTTP/1.</c></param>
/// <param name="Status">The status code, 100 to 999.</param>
/// <param name="Reason">The reason phrase; may be empty.</param>
/// <param name="Headers">The headers in the order received, with the names as sent.</param>
public sealed record ResponseHead(int MinorVersion, int Status, string Reason, IReadOnlyList<HttpHeader> Headers)
{
    private static readonly HashSet<string> HopByHop = new(StringComparer.OrdinalIgnoreCase)
    {
        "Connection", "Keep-Alive", "Proxy-Connection", "TE", "Trailer", "Transfer-Encoding", "Upgrade", "Content-Length",
    };

    /// <summary>
    /// The headers that a relay forwards: without hop-by-hop headers (RFC 9110 §7.6.1) and without the body's framing, which the relay
    /// writes itself. <c>Upgrade</c> stays in a 426, which must have it.
    /// </summary>
    public IEnumerable<HttpHeader> EndToEndHeaders() => Headers.Where(header =>
        (!HopByHop.Contains(header.Name) || (Status == 426 && header.Is("Upgrade")))
        && !(ListContains("Connection", header.Name) && !header.Is("Upgrade")));

    /// <summary>The header's value if the header occurs exactly once; otherwise null.</summary>
    /// <param name="name">The header's name.</param>
    public string? OnlyValue(string name)
    {
        string? found = null;
        foreach (var header in Headers)
        {
            if (header.Is(name))
            {
                if (found is not null)
                {
                    return null;
                }

                found = header.Value;
            }
        }

        return found;
    }

    /// <summary>Whether a comma-separated list header contains the token in any of its lines, case-insensitively.</summary>
    /// <param name="name">The header's name.</param>
    /// <param name="token">The token sought.</param>
    public bool ListContains(string name, string token)
    {
        foreach (var header in Headers)
        {
            if (header.Is(name) && HttpSyntax.ListContains(header.Value, token))
            {
                return true;
            }
        }

        return false;
    }
}
