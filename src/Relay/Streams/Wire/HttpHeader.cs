namespace Relay.Streams.Wire;

/// <summary>One HTTP/1.1 header line.</summary>
/// <param name="Name">The name as it stands on the wire; compare it without regard to case.</param>
/// <param name="Value">The value without the spaces around it; each character stands for one byte (Latin-1).</param>
public readonly record struct HttpHeader(string Name, string Value)
{
    /// <summary>Whether this header has the given name, without regard to case.</summary>
    /// <param name="name">A header name.</param>
    public bool Is(string name) => Name.Equals(name, StringComparison.OrdinalIgnoreCase);
}
