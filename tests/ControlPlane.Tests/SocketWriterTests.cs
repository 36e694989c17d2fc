using System.IO.Pipelines;
using System.Net.WebSockets;
using System.Security.Cryptography;
using ControlPlane.Http;

namespace ControlPlane.Tests;

/// <summary>What the API server's byte streams over WebSockets send.</summary>
public sealed class SocketWriterTests
{
    [Fact]
    public async Task AFlushIsMessagesThatEveryLibraryTakesAndTheRestGoesAtTheEnd()
    {
        var (socket, peer) = Pair(pauseAt: 1024 * 1024);
        var writer = new SocketWriter(socket);
        var sent = RandomNumberGenerator.GetBytes(100_000);

        Assert.False((await writer.WriteAsync(sent.AsMemory(0, 90_000), TestContext.Current.CancellationToken)).IsCanceled);
        Assert.Equal(0, writer.UnflushedBytes);
        sent.AsSpan(90_000).CopyTo(writer.GetSpan(10_000));
        writer.Advance(10_000);
        Assert.Equal(10_000, writer.UnflushedBytes);
        await writer.CompleteAsync();

        var received = new List<byte>();
        var messages = 0;
        var buffer = new byte[64 * 1024];
        while (received.Count < sent.Length)
        {
            var length = 0;
            ValueWebSocketReceiveResult result;
            do
            {
                result = await peer.ReceiveAsync(buffer.AsMemory(length), TestContext.Current.CancellationToken);
                length += result.Count;
            }
            while (!result.EndOfMessage);
            Assert.Equal(WebSocketMessageType.Binary, result.MessageType);
            Assert.InRange(length, 1, 32 * 1024);
            received.AddRange(buffer.AsSpan(0, length));
            messages++;
        }

        Assert.Equal(sent, received);
        Assert.Equal(4, messages);
    }

    [Fact]
    public async Task AFlushThatIsGivenUpIsTheLast()
    {
        // The peer reads nothing.
        var (socket, peer) = Pair(pauseAt: 1024);
        var writer = new SocketWriter(socket);
        var flush = writer.WriteAsync(new byte[64 * 1024], TestContext.Current.CancellationToken).AsTask();
        Assert.False(flush.IsCompleted);

        writer.CancelPendingFlush();

        Assert.True((await flush.WaitAsync(ApiServer.Patience, TestContext.Current.CancellationToken)).IsCanceled);
        Assert.True((await writer.WriteAsync(new byte[1], TestContext.Current.CancellationToken)).IsCanceled);
        Assert.False(writer.Sending.IsCompleted);

        socket.Abort();
        peer.Abort();
    }

    [Fact]
    public async Task ABrokenSocketIsTheWritersFailure()
    {
        var (socket, _) = Pair(pauseAt: 1024);
        var writer = new SocketWriter(socket);
        socket.Abort();
        await Assert.ThrowsAnyAsync<Exception>(async () => await writer.WriteAsync(new byte[1], TestContext.Current.CancellationToken));
        await Assert.ThrowsAnyAsync<Exception>(() => writer.Sending);
        Assert.Throws<ArgumentOutOfRangeException>(() => writer.Advance(1_000_000));
    }

    private static (WebSocket Socket, WebSocket Peer) Pair(long pauseAt)
    {
        var options = new PipeOptions(pauseWriterThreshold: pauseAt, resumeWriterThreshold: pauseAt / 2, useSynchronizationContext: false);
        var (there, back) = (new Pipe(options), new Pipe(options));
        return (
            WebSocket.CreateFromStream(new TwoPipes(back.Reader, there.Writer), new WebSocketCreationOptions { IsServer = true }),
            WebSocket.CreateFromStream(new TwoPipes(there.Reader, back.Writer), new WebSocketCreationOptions { IsServer = false }));
    }

    private sealed class TwoPipes(PipeReader input, PipeWriter output) : Stream
    {
        private readonly Stream _input = input.AsStream();
        private readonly Stream _output = output.AsStream();

        public override bool CanRead => true;

        public override bool CanSeek => false;

        public override bool CanWrite => true;

        public override long Length => throw new NotSupportedException();

        public override long Position
        {
            get => throw new NotSupportedException();
            set => throw new NotSupportedException();
        }

        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) =>
            _input.ReadAsync(buffer, cancellationToken);

        public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default) =>
            _output.WriteAsync(buffer, cancellationToken);

        public override Task FlushAsync(CancellationToken cancellationToken) => _output.FlushAsync(cancellationToken);

        public override void Flush() => throw new NotSupportedException();

        public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();
    }
}
