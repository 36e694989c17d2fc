using System.Net.Sockets;
using System.Security.Cryptography;
using Relay.Tests.Streams;
using Sockets;

namespace Relay.Tests.Sockets;

public sealed class RequestStreamTests : IAsyncLifetime
{
    private static readonly RequestThreads Threads = RequestThreads.TryStart(3)!;

    private Socket _far = null!;
    private RequestStream _stream = null!;

    public async ValueTask InitializeAsync()
    {
        (var near, _far) = await Loopback.PairAsync();
        _stream = new RequestStream(near, Threads);
    }

    public async ValueTask DisposeAsync()
    {
        await _stream.DisposeAsync();
        _far.Dispose();
    }

    [Fact]
    public async Task AReadGoesOnOnTheThreadThatWaited()
    {
        await Threads.IdleAsync();
        var read = NameAsync();
        _far.Send([1]);
        Assert.Equal("Edge requests", await read.Soon());

        async Task<string?> NameAsync()
        {
            await _stream.ReadAsync(new byte[4]).ConfigureAwait(false);
            return Thread.CurrentThread.Name;
        }
    }

    [Fact]
    public async Task AReadOfNothingWaitsForSomething()
    {
        var read = _stream.ReadAsync(Memory<byte>.Empty).AsTask();
        Assert.False(read.IsCompleted);
        _far.Send([1, 2]);
        Assert.Equal(0, await read.Soon());
        var room = new byte[1];
        Assert.Equal((1, 1), (await _stream.ReadAsync(room), room[0]));
        Assert.Equal((1, 2), (await _stream.ReadAsync(room), room[0]));
    }

    [Fact]
    public async Task MuchGoesBothWaysAndThenTheEnd()
    {
        var sent = RandomNumberGenerator.GetBytes(8 << 20);
        using var far = new NetworkStream(_far, ownsSocket: false);
        var echo = Task.Run(async () =>
        {
            var bytes = new byte[sent.Length];
            await far.ReadExactlyAsync(bytes);
            await far.WriteAsync(bytes);
            _far.Shutdown(SocketShutdown.Send);
        });
        var write = _stream.WriteAsync(sent).AsTask();
        var got = new byte[sent.Length];
        await _stream.ReadExactlyAsync(got).AsTask().Soon();
        Assert.Equal(sent, got);
        Assert.Equal(0, await _stream.ReadAsync(got).Soon());
        await Task.WhenAll(write, echo).Soon();
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task ACancelledReadTakesNothing(bool before)
    {
        using var cancel = new CancellationTokenSource();
        if (before)
        {
            await cancel.CancelAsync();
        }

        var read = _stream.ReadAsync(new byte[4], cancel.Token).AsTask();
        await cancel.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => read.Soon());
        _far.Send([7]);
        var room = new byte[4];
        Assert.Equal((1, 7), (await _stream.ReadAsync(room).Soon(), room[0]));
    }

    /// <summary>Cancelled at any time around the arrival of bytes: the read has them, or the next one has.</summary>
    [Fact]
    public async Task AReadThatIsCancelledAsBytesComeLosesNone()
    {
        for (var i = 0; i < 500; i++)
        {
            using var cancel = new CancellationTokenSource();
            var room = new byte[1];
            var read = _stream.ReadAsync(room, cancel.Token).AsTask();
            var cancelled = Task.Run(cancel.Cancel);
            _far.Send([(byte)i]);
            try
            {
                Assert.Equal(1, await read.Soon());
            }
            catch (OperationCanceledException)
            {
                Assert.Equal(1, await _stream.ReadAsync(room).Soon());
            }

            Assert.Equal((byte)i, room[0]);
            await cancelled;
        }
    }

    [Fact]
    public async Task WhoeverDisposesIsNotMadeToGoOnWithTheRead()
    {
        var read = NameAsync();
        var thread = new Thread(() => _stream.Dispose()) { Name = "disposes" };
        thread.Start();
        thread.Join();
        Assert.NotEqual("disposes", await read.Soon());

        async Task<string?> NameAsync()
        {
            await Assert.ThrowsAsync<IOException>(async () => await _stream.ReadAsync(new byte[4]).ConfigureAwait(false))
                .ConfigureAwait(false);
            return Thread.CurrentThread.Name;
        }
    }

    [Fact]
    public async Task AResetAndAClosedStreamThrow()
    {
        var read = _stream.ReadAsync(new byte[4]).AsTask();
        StreamRig.Reset(_far);
        await Assert.ThrowsAsync<IOException>(() => read.Soon());
        await Assert.ThrowsAsync<IOException>(() => _stream.WriteAsync(new byte[1]).AsTask().Soon());
        await _stream.DisposeAsync();
        await Assert.ThrowsAsync<IOException>(() => _stream.ReadAsync(new byte[4]).AsTask().Soon());
        await Assert.ThrowsAsync<IOException>(() => _stream.WriteAsync(new byte[1]).AsTask().Soon());
    }
}
