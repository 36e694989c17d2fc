using System.IO.Pipelines;
using System.Net.Sockets;
using Edge.Connections;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Http.Features;
using Relay.Streams;

namespace Edge.Upgrades;

/// <summary>The client's side of a stream over HTTP/1.1: the connection's raw transport, where that
/// cannot leave the server's pipes (TLS).</summary>
internal sealed class KestrelTransport(HttpContext context) : StreamTransport
{
    private readonly IDuplexPipe _pipe = context.Features.GetRequiredFeature<IConnectionTransportFeature>().Transport;

    private readonly IHalfCloseFeature _halfClose = context.Features.GetRequiredFeature<IHalfCloseFeature>();

    private readonly Socket? _socket = context.Features.Get<IConnectionSocketFeature>()?.Socket;

    private VanishedPeer _peer;

    public override PipeReader Input => _pipe.Input;

    public override PipeWriter Output => _pipe.Output;

    public override bool IsBroken => _socket is not null && SocketTransport.HasFailed(_socket);

    public override bool HasEnded => _socket is not null && SocketEnd.HasCome(_socket);

    public override long Taken => _socket is null ? 0 : SocketTransport.TakenFrom(_socket);

    public override bool HasUntaken => _socket is not null && SocketTransport.OwesTo(_socket);

    public override bool HasVanished(TimeSpan now) => _socket is not null && _peer.IsGone(_socket, now);

    public override void BeginRelay() => _halfClose.BeginStream();

    public override void EndRelay() => _halfClose.EndStream();

    public override ValueTask CompleteOutputAsync() => _halfClose.CompleteOutputAsync();

    public override void Abort() => _halfClose.Reset();

    // The server core ends the connection when the request's handler returns.
    public override ValueTask DisposeAsync() => ValueTask.CompletedTask;
}
