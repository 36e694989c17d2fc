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

    /// <summary>No server is there now; one may be soon.</summary>
    public sealed record Unavailable : AttachResult;
}
