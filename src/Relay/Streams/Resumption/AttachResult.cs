namespace Relay.Streams.Resumption;

/// <summary>The result of an attempt to attach a terminal to another API server.</summary>
public abstract record AttachResult
{
    private AttachResult()
    {
    }

    /// <summary>The server has accepted; the transport's next byte is the first one after the answer's head.</summary>
    /// <param name="Server">The connection to the new API server; the receiver of the result disposes it.</param>
    public sealed record Attached(StreamTransport Server) : AttachResult;

    /// <summary>A server has refused with a status of 400 to 499: the client must connect again.</summary>
    public sealed record Refused : AttachResult;

    /// <summary>Servers have answered that they do not have the terminal's shell. An attachment there would start another shell.</summary>
    /// <param name="IsCertain">Whether every server has answered so. Otherwise an unreachable server may still have the shell.</param>
    public sealed record Gone(bool IsCertain) : AttachResult;

    /// <summary>No server is available now; a later attempt may find one.</summary>
    public sealed record Unavailable : AttachResult;
}
