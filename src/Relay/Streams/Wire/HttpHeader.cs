namespace Relay.Streams.Wire;

/// <summary>One HTTP/1.1 header line.</summary>
/// <param name="Name">The name as sent; compare it case-insensitively.</param>
/// <param name="Value">The value without surrounding spaces; each character is one byte (Latin-1).</param>
public readonly record struct HttpHeader(string Name, string Value)
{
    /// <summary>Whether this header has the given name, case-insensitively.</summary>
    /// <param name="name">A header name.</param>
    public bool Is(string name) => Name.Equals(name, StringComparison.OrdinalIgnoreCase);
}
