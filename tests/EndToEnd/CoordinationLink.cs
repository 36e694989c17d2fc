using System.IO.Pipelines;
using System.Net.WebSockets;
using Tailnet.Drpc;
using Tailnet.Messages;
using Tailnet.Yamux;

namespace EndToEnd;

/// <summary>A client of dRPC over yamux in a WebSocket, through the edge.</summary>
internal sealed class CoordinationLink : IDuplexPipe, IAsyncDisposable
{
    private readonly ClientWebSocket _socket;
    private readonly YamuxSession _session;
    private readonly Task<YamuxCloseReason> _ended;
    private readonly Task _sending;

    private CoordinationLink(ClientWebSocket socket)
    {
        _socket = socket;
        var stream = WebSocketStream.Create(socket, WebSocketMessageType.Binary);
        Input = PipeReader.Create(stream, new StreamPipeReaderOptions(leaveOpen: true));
        var output = new Pipe();
        Output = output.Writer;
        _sending = SendAsync(output.Reader, stream);
        _session = new YamuxSession(this, YamuxRole.Dialer);
        _ended = _session.RunAsync();
    }

    public PipeReader Input { get; }

    public PipeWriter Output { get; }

    public static async Task<CoordinationLink> ConnectAsync(TestNode edge, string path, string token) =>
        new(await TestSocket.ConnectAsync(edge.PublicUrl, path, options => options.SetRequestHeader("Coder-Session-Token", token)));

    public async Task<DrpcClientCall<CoordinateResponse>> CoordinateAsync(CoordinateRequest first)
    {
        var call = await new DrpcClient(_session).StartAsync("/coder.tailnet.v2.Tailnet/Coordinate", CoordinateResponse.Parser);
        await call.SendAsync(first);
        return call;
    }

    public async Task<string> ResumeTokenAsync() => (await new DrpcClient(_session).UnaryAsync(
        "/coder.tailnet.v2.Tailnet/RefreshResumeToken", new RefreshResumeTokenRequest(), RefreshResumeTokenResponse.Parser)
        .WaitAsync(TestNode.Patience)).Token;

    /// <summary>How the other side has closed the socket; answers it.</summary>
    public async Task<WebSocketCloseStatus?> CloseStatusAsync()
    {
        await _ended.WaitAsync(TestNode.Patience);
        await _sending.WaitAsync(TestNode.Patience);
        await _socket.CloseOutputAsync(WebSocketCloseStatus.NormalClosure, null, CancellationToken.None).WaitAsync(TestNode.Patience);
        return _socket.CloseStatus;
    }

    public async ValueTask DisposeAsync()
    {
        _socket.Abort();
        await _ended.WaitAsync(TestNode.Patience);
        await _sending.WaitAsync(TestNode.Patience);
        _session.Dispose();
        _socket.Dispose();
    }

    // Not by a PipeWriter over the stream: a session that ends cancels the flush under way, and a WebSocket whose send is cancelled is
    // aborted, so that it could not be closed in order.
    private static async Task SendAsync(PipeReader output, Stream stream)
    {
        Exception? failure = null;
        try
        {
            await output.CopyToAsync(stream);
        }
        catch (Exception error)
            when (error is IOException or WebSocketException or OperationCanceledException or ObjectDisposedException
                or NotSupportedException)
        {
            // NotSupportedException: a socket that was aborted is not writable.
            failure = error;
        }
        finally
        {
            await output.CompleteAsync(failure);
        }
    }
}
