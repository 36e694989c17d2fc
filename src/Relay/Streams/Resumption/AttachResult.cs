namespace Relay.Streams.Resumption;

/// <summary>What became of an attempt to attach a terminal to an API server again.</summary>
public abstract record AttachResult
{
    private AttachResult()
    {
    }

    /// <summary>The server has accepted; its transport stands at the first byte behind its answer's head.</summary>
    /// <param name="Server">The new API server's end; owned by whoever gets the result.</param>
    public sealed record Attached(StreamTransport Server) : AttachResult;

    /// <summary>A server has refused with a status of 400 to 499: the client must ask anew.</summary>
    public sealed record Refused : AttachResult;

    /// <summary>Servers have answered that they do not have the terminal's shell. To attach there would be another shell.</summary>
    /// <param name="IsCertain">Whether every server has said so; otherwise one that is away may still have it.</param>
    public sealed record Gone(bool IsCertain) : AttachResult;

    /// <summary>No server is there now; one may be soon.</summary>
    public sealed record Unavailable : AttachResult;
}
