using System.Buffers;
using System.IO.Pipelines;
using System.Net.Sockets;
using Relay.Tests.Streams;
using Sockets;

namespace Relay.Tests.Sockets;

public sealed class TlsPipeTests
{
    // TLS 1.3: a header, the inner type, the tag.
    private const int RecordOverhead = 5 + 1 + 16;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task RecordsThatHaveComeTogetherAreOneRead()
    {
        await using var pair = await TlsPair.CreateAsync();
        pair.Below.BeginStream();
        using var input = new TlsPipeReader(pair.Session);
        var packets = RandomBytes(12_000);
        for (var at = 0; at < packets.Length; at += 1200)
        {
            await pair.Far.WriteAsync(packets.AsMemory(at, 1200), Cancel);
        }

        await UntilAsync(() => pair.NearSocket.Available >= 10 * (1200 + RecordOverhead));
        var result = await input.ReadAsync(Cancel).Soon();
        Assert.Equal(packets, result.Buffer.ToArray());
        input.AdvanceTo(result.Buffer.End);
        Assert.Equal(0, input.Held);
    }

    [Fact]
    public async Task AReadWaitsWithoutABufferAndALoneRecordEndsIt()
    {
        await using var pair = await TlsPair.CreateAsync();
        using var input = new TlsPipeReader(pair.Session);
        for (byte i = 0; i < 3; i++)
        {
            var read = input.ReadAsync(Cancel);
            Assert.False(read.IsCompleted);
            Assert.Equal(0, input.Held + pair.Below.Held);
            await pair.Far.WriteAsync(new byte[] { i }, Cancel);
            var result = await read.Soon();
            Assert.Equal([i], result.Buffer.ToArray());
            input.AdvanceTo(result.Buffer.End);
        }
    }

    [Fact]
    public async Task WhatOthersHaveReadComesFirst()
    {
        await using var pair = await TlsPair.CreateAsync();
        var bytes = RandomBytes(150_000);
        using var input = new TlsPipeReader(pair.Session, bytes.AsSpan(0, 140_000));
        await pair.Far.WriteAsync(bytes.AsMemory(140_000), Cancel);
        var result = await input.ReadAtLeastAsync(bytes.Length, Cancel).Soon();
        Assert.Equal(bytes, result.Buffer.ToArray());
        input.AdvanceTo(result.Buffer.End);
    }

    [Fact]
    public async Task ACancelledReadLosesNothing()
    {
        await using var pair = await TlsPair.CreateAsync();
        using var input = new TlsPipeReader(pair.Session);
        var read = input.ReadAsync(Cancel);
        input.CancelPendingRead();
        Assert.True((await read.Soon()).IsCanceled);
        using var cancel = new CancellationTokenSource();
        var cancelled = input.ReadAsync(cancel.Token).AsTask();
        await cancel.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => cancelled.Soon());

        await pair.Far.WriteAsync("bytes"u8.ToArray(), Cancel);
        var result = await input.ReadAsync(Cancel).Soon();
        Assert.Equal("bytes"u8.ToArray(), result.Buffer.ToArray());
    }

    [Fact]
    public async Task AnythingInAnyPiecesComesBackInOrder()
    {
        await using var pair = await TlsPair.CreateAsync();
        await using var transport = pair.Transport();
        transport.BeginRelay();
        var bytes = RandomBytes(1_500_000);
        var echo = EchoAsync(transport.Input, transport.Output);
        var sending = SendAsync(pair, bytes);
        var back = new byte[bytes.Length];
        await pair.Far.ReadExactlyAsync(back, Cancel).AsTask().Soon();
        Assert.True(bytes.AsSpan().SequenceEqual(back));
        await sending.Soon();
        await pair.Far.ShutdownAsync();
        await echo.Soon();
        await transport.CompleteOutputAsync();
        Assert.Equal(0, await pair.Far.ReadAsync(back, Cancel).AsTask().Soon());
        Assert.Equal((0, 0), (((TransportPipeReader)transport.Input).Held, pair.Below.Held));
    }

    [Fact]
    public async Task WhatIsFlushedTogetherLeavesInOneSendAndALonePacketAtOnce()
    {
        RecordingOutput? below = null;
        await using var pair = await TlsPair.CreateAsync(socket => below = new RecordingOutput(socket));
        using var output = new TlsPipeWriter(pair.Session, below!);
        var bytes = RandomBytes(40_000);
        var before = below!.Sends;
        for (var at = 0; at < bytes.Length; at += 1250)
        {
            output.Write(bytes.AsSpan(at, 1250));
        }

        Assert.Equal(before, below.Sends);
        Assert.True(output.FlushAsync(Cancel).AsTask().IsCompletedSuccessfully);
        Assert.Equal(before + 1, below.Sends);
        Assert.Equal(bytes.Length + (3 * RecordOverhead), below.LastSend);
        var got = new byte[bytes.Length];
        await pair.Far.ReadExactlyAsync(got, Cancel).AsTask().Soon();
        Assert.Equal(bytes, got);

        Assert.True(output.WriteAsync(bytes.AsMemory(0, 1200), Cancel).AsTask().IsCompletedSuccessfully);
        Assert.Equal((before + 2, 1200 + RecordOverhead), (below.Sends, below.LastSend));
    }

    [Fact]
    public async Task APeerThatBreaksOffEndsReadsAndFlushes()
    {
        await using var pair = await TlsPair.CreateAsync();
        await using var transport = pair.Transport();
        var read = transport.Input.ReadAsync(Cancel);
        pair.FarSocket.LingerState = new LingerOption(true, 0);
        pair.FarSocket.Dispose();
        await Assert.ThrowsAsync<IOException>(() => read.Soon());
        FlushResult flush;
        do
        {
            flush = await transport.Output.WriteAsync(new byte[100], Cancel).Soon();
        }
        while (!flush.IsCompleted);
    }

    [Fact]
    public async Task AFlushWaitsForAPeerThatDoesNotRead()
    {
        await using var pair = await TlsPair.CreateAsync();
        await using var transport = pair.Transport();
        var bytes = RandomBytes(64 * 1024);
        var sent = 0;
        Task<FlushResult> flush;
        do
        {
            flush = transport.Output.WriteAsync(bytes, Cancel).AsTask();
            sent += bytes.Length;
        }
        while (flush.IsCompleted && sent < 64 << 20);
        Assert.False(flush.IsCompleted);

        // The socket is still sending this memory, so cancelling the flush does not return it early.
        transport.Output.CancelPendingFlush();
        Assert.False(flush.IsCompleted);
        var got = new byte[sent];
        await pair.Far.ReadExactlyAsync(got, Cancel).AsTask().Soon();
        Assert.True(got.AsSpan(sent - bytes.Length).SequenceEqual(bytes));
        Assert.False((await flush.Soon()).IsCompleted);
    }

    private static byte[] RandomBytes(int count)
    {
        var bytes = new byte[count];
        new Random(11).NextBytes(bytes);
        return bytes;
    }

    private static async Task SendAsync(TlsPair pair, byte[] bytes)
    {
        var random = new Random(3);
        for (var at = 0; at < bytes.Length;)
        {
            var count = Math.Min(bytes.Length - at, random.Next(1, random.Next(2) == 0 ? 1500 : 60_000));
            await pair.Far.WriteAsync(bytes.AsMemory(at, count), Cancel);
            at += count;
        }
    }

    // Consumes a random part of each read, and flushes now and then.
    private static async Task EchoAsync(PipeReader input, PipeWriter output)
    {
        var random = new Random(5);
        while (true)
        {
            var result = await input.ReadAsync(Cancel).Soon();
            var some = result.IsCompleted || random.Next(3) > 0 ? result.Buffer.Length : random.NextInt64(result.Buffer.Length + 1);
            var taken = result.Buffer.Slice(0, some);
            foreach (var segment in taken)
            {
                output.Write(segment.Span);
            }

            var isAll = some == result.Buffer.Length;
            input.AdvanceTo(taken.End);
            if (isAll)
            {
                await output.FlushAsync(Cancel).Soon();
            }

            if (result.IsCompleted)
            {
                return;
            }
        }
    }

    private static async Task UntilAsync(Func<bool> condition)
    {
        using var guard = new CancellationTokenSource(SoonExtensions.Guard);
        while (!condition())
        {
            guard.Token.ThrowIfCancellationRequested();
            await Task.Yield();
        }
    }

    /// <summary>Counts what would be system calls.</summary>
    private sealed class RecordingOutput(Socket socket) : TransportPipeWriter
    {
        public int Sends { get; private set; }

        public int LastSend { get; private set; }

        private protected override int SendNow(ReadOnlyMemory<byte> bytes)
        {
            Record(bytes.Span);
            return bytes.Length;
        }

        private protected override bool Send(Block block)
        {
            Record(block.Span);
            return true;
        }

        private protected override void EndSend()
        {
        }

        private protected override ValueTask EndAsync() => ValueTask.CompletedTask;

        private protected override void ReportBroken(Exception error)
        {
        }

        private protected override void Free()
        {
        }

        private void Record(ReadOnlySpan<byte> bytes)
        {
            (Sends, LastSend) = (Sends + 1, bytes.Length);
            while (!bytes.IsEmpty)
            {
                var sent = socket.Send(bytes, SocketFlags.None, out var error);
                bytes = error is SocketError.Success or SocketError.WouldBlock ? bytes[sent..] : throw new SocketException((int)error);
            }
        }
    }
}
