using System.IO.Pipelines;
using System.Net.Sockets;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Http.Features;
using Relay.Streams;

namespace Edge.Upgrades;

/// <summary>The client's side of a stream over HTTP/2 (RFC 8441). The connection's other streams are not affected by it.</summary>
internal sealed class ExtendedConnectTransport(HttpContext context, Stream stream) : StreamTransport
{
    // RFC 9113 §7: the stream is no longer needed.
    private const int Cancel = 0x8;

    private readonly Socket? _socket = context.Features.Get<IConnectionSocketFeature>()?.Socket;

    private readonly CancellationToken _aborted = context.RequestAborted;

    private VanishedPeer _peer;

    public override PipeReader Input { get; } = PipeReader.Create(stream, new StreamPipeReaderOptions(leaveOpen: true));

    public override PipeWriter Output { get; } = PipeWriter.Create(stream, new StreamPipeWriterOptions(leaveOpen: true));

    // The client sent RST_STREAM, or the connection ended.
    public override bool IsBroken => _aborted.IsCancellationRequested;

    public override bool HasVanished(TimeSpan now) => _socket is not null && _peer.IsGone(_socket, now);

    public override async ValueTask CompleteOutputAsync() => await context.Response.CompleteAsync();

    public override void Abort()
    {
        if (context.Features.Get<IHttpResetFeature>() is { } reset)
        {
            reset.Reset(Cancel);
        }
        else
        {
            context.Abort();
        }
    }

    public override async ValueTask DisposeAsync()
    {
        await Input.CompleteAsync();
        await Output.CompleteAsync();
    }
}
