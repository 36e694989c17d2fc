using Relay.Derp;
using Relay.Derp.Queues;
using Relay.Derp.Wire;

namespace Relay.Tests.Derp;

public sealed class SendQueueTests
{
    private readonly DerpTotals _totals = new();
    private readonly ChunkPool _pool = new(64 * 1024 * 1024);

    [Fact]
    public void DiscoGoesFirstAndSendersTakeTurns()
    {
        var queue = Queue();
        foreach (var number in Enumerable.Range(0, 3))
        {
            Add(queue, 1, number);
            Add(queue, 1, 10 + number);
            Add(queue, 2, 20 + number);
        }

        Add(queue, 2, 90, PacketKind.Disco);

        Assert.Equal([90, 0, 20, 10, 21, 1, 22, 11, 2, 12], Drain(queue));
        Assert.True(queue.IsEmpty);
        Assert.Equal(0, _pool.Rented);
    }

    [Fact]
    public void AFullLaneLosesItsOldestAndNoOtherLanes()
    {
        var queue = Queue(depth: 4);
        Add(queue, 2, 100);
        for (var i = 0; i < 10; i++)
        {
            Add(queue, 1, i);
        }

        Assert.Equal([100, 6, 7, 8, 9], Drain(queue));
        Assert.Equal((6, 6 * 100), _totals.Drops(DropReason.QueueHead, PacketKind.Other));
    }

    [Fact]
    public void AFloodDoesNotPushOutAQuietSender()
    {
        // In each tick a flood of 20, one packet every ten ticks from the quiet one, and a receiver that takes one.
        var queue = Queue();
        var quiet = 0;
        var got = 0;
        for (var tick = 0; tick < 20_000; tick++)
        {
            for (var i = 0; i < 20; i++)
            {
                Add(queue, 1, 0);
            }

            if (tick % 10 == 0)
            {
                quiet++;
                Add(queue, 2, 1_000_000);
            }

            got += TakeOne(queue) == 1_000_000 ? 1 : 0;
        }

        Assert.True(got >= quiet - 1, $"{got} of {quiet}");
    }

    [Fact]
    public void MemoryIsBoundedAndTheFullestLanePays()
    {
        var queue = Queue(depth: 100_000, bytes: 256 * 1024);
        Add(queue, 2, 5);
        for (var i = 0; i < 10_000; i++)
        {
            Add(queue, 1, i, length: 1200);
            Assert.True(queue.Held <= 256 * 1024);
        }

        Assert.Contains(5, Drain(queue));
        Assert.Equal(0, queue.Held);
    }

    [Fact]
    public void WhatIsBeingSentCountsAndPushesOutWhatWaits()
    {
        const int Bound = 256 * 1024;
        var queue = Queue(depth: 100_000, bytes: Bound);
        for (var i = 0; i < 1000; i++)
        {
            Add(queue, (ulong)(i % 4), i, length: 1200);
        }

        var before = queue.Held;
        Assert.InRange(before, Bound - (32 * 1024), Bound);
        var rest = queue.KeepRest(new byte[66_048]);

        Assert.InRange(queue.Held, 66_048, Bound);
        Assert.Equal(_pool.Rented, queue.Held);
        Assert.False(queue.IsEmpty);
        Add(queue, 9, 1001, length: 1200);
        Assert.InRange(queue.Held, 66_048, Bound);
        Assert.Contains(1001, Drain(queue));
        Assert.Equal(66_048, queue.Held);
        queue.Free(rest);
        Assert.Equal((0, 0), (queue.Held, _pool.Rented));
    }

    [Fact]
    public void ACutFrameLeavesNoMoreThanTheBound()
    {
        const int Bound = 160 * 1024;
        var queue = Queue(depth: 100_000, bytes: Bound);
        for (var i = 0; i < 10; i++)
        {
            Add(queue, 1, i, length: 65_536);
            Assert.True(queue.TryPeekRun(new byte[66_048], out _));
            Chunk? rest = null;
            var tally = default(SendTally);
            queue.ConsumeRun(1, ref rest, ref tally);
            for (var more = 0; more < 10; more++)
            {
                Add(queue, 2, more, length: 9000 * (more % 7));
                Assert.InRange(queue.Held, 66_048, Bound);
            }

            Add(queue, 1, i, length: 65_536); // The longest still fits beside it.
            Assert.InRange(queue.Held, 2 * 66_048, Bound);
            Drain(queue);
            queue.Free(rest!);
            Assert.Equal((0, 0), (queue.Held, _pool.Rented));
        }
    }

    [Fact]
    public void AboveTheBoundOfAllOnlyWhatIsBeingSentIsKept()
    {
        var pool = new ChunkPool(256 * 1024);
        var queues = Enumerable.Range(0, 8).Select(_ => new SendQueue(pool, new QueueLimits(100_000, 2 * 1024 * 1024), _totals)).ToArray();
        foreach (var queue in queues)
        {
            Add(queue, 1, 0, length: 1200);
            Add(queue, 2, 0, length: 1200);
        }

        var rests = queues.Select(static queue => queue.KeepRest(new byte[66_048])).ToArray();

        Assert.InRange(pool.Rented, 256 * 1024, (8 * 66_048) + (8 * 2 * 2048));
        Assert.All(queues[4..], static queue => Assert.True(queue.IsEmpty && queue.Held == 66_048));
        Assert.False(queues[7].Enqueue(PacketKind.Disco, 1, new byte[37], new byte[100]));
        for (var i = 0; i < queues.Length; i++)
        {
            queues[i].Clear(DropReason.GoneDisconnected);
            queues[i].Free(rests[i]);
        }

        Assert.Equal(0, pool.Rented);
    }

    [Fact]
    public void ThirtyPacketsOf64KiBFitIntoTheDefault()
    {
        var queue = Queue(bytes: new DerpServerOptions().QueueBytes);
        var begun = queue.KeepRest(new byte[66_048]); // Beside one that is being sent.
        for (var i = 0; i < 30; i++)
        {
            Add(queue, 1, i, length: 65536);
        }

        Assert.Equal(Enumerable.Range(0, 30), Drain(queue));
        queue.Free(begun);
    }

    [Fact]
    public void WhenAllMemoryIsShortEverybodyGetsAShare()
    {
        var pool = new ChunkPool(1024 * 1024);
        var queues = Enumerable.Range(0, 8).Select(_ => new SendQueue(pool, new QueueLimits(100_000, 2 * 1024 * 1024), _totals)).ToArray();
        for (var i = 0; i < 20_000; i++)
        {
            Add(queues[0], 1, i, length: 1200);
        }

        for (var i = 0; i < 2000; i++)
        {
            foreach (var queue in queues)
            {
                Add(queue, 1, i, length: 1200);
            }
        }

        Assert.True(pool.Rented <= 1024 * 1024);
        Assert.All(queues, static queue => Assert.InRange(queue.Held, 64 * 1024, 192 * 1024));
    }

    [Fact]
    public void OrderHoldsWithinASenderWhateverHappens()
    {
        var random = new Random(3);
        var queue = Queue(depth: 20, bytes: 128 * 1024);
        var next = new int[200];
        var seen = Enumerable.Repeat(-1, 200).ToArray();
        for (var step = 0; step < 50_000; step++)
        {
            var sender = random.Next(200);
            if (random.Next(3) > 0)
            {
                Add(queue, (ulong)sender + 1, (sender * 100_000) + next[sender]++, length: random.Next(4, 3000));
            }
            else if (!queue.IsEmpty)
            {
                foreach (var value in random.Next(200) == 0 ? Drain(queue) : [TakeOne(queue)])
                {
                    Assert.True(value % 100_000 > seen[value / 100_000]);
                    seen[value / 100_000] = value % 100_000;
                }
            }
        }

        Drain(queue);
        Assert.Equal(0, queue.Held);
        Assert.Equal(0, _pool.Rented);
    }

    [Fact]
    public void ARunCutInTheMiddleOfAFrameKeepsTheFramesRest()
    {
        for (var cut = 0; cut <= 3 * 137; cut++)
        {
            var queue = Queue();
            for (var i = 0; i < 3; i++)
            {
                Add(queue, 1, i);
            }

            Assert.True(queue.TryPeekRun(new byte[66_048], out var run));
            var bytes = run.ToArray();
            Chunk? rest = null;
            var tally = default(SendTally);
            queue.ConsumeRun(cut, ref rest, ref tally);
            var after = new byte[1024];
            var left = queue.Compose(after, ref tally);

            byte[] all = [.. bytes[..cut], .. rest is null ? [] : rest.Frames.ToArray(), .. after.AsSpan(0, left)];
            Assert.Equal(bytes, all);
            Assert.Equal(3, tally.Packets);
        }
    }

    private static void Add(SendQueue queue, ulong sender, int number, PacketKind kind = PacketKind.Other, int length = 100)
    {
        var prefix = new byte[37];
        DerpFrames.PacketPrefix(prefix, DerpFrameType.RecvPacket, default, length);
        var packet = new byte[length];
        BitConverter.TryWriteBytes(packet, number);
        queue.Enqueue(kind, sender, prefix, packet);
    }

    private static int TakeOne(SendQueue queue)
    {
        var buffer = new byte[3037 + 100];
        var tally = default(SendTally);
        for (var room = 41; room <= buffer.Length; room++)
        {
            // The buffer has room for the first frame only, whatever its length is.
            if (queue.Compose(buffer.AsSpan(0, room), ref tally) > 0)
            {
                return BitConverter.ToInt32(buffer, 37);
            }
        }

        throw new InvalidOperationException("The queue is empty.");
    }

    private static List<int> Drain(SendQueue queue)
    {
        var (buffer, numbers, tally) = (new byte[66_048], new List<int>(), default(SendTally));
        for (var length = queue.Compose(buffer, ref tally); length > 0; length = queue.Compose(buffer, ref tally))
        {
            for (var at = 0; at < length;)
            {
                DerpFrameHeader.TryRead(buffer.AsSpan(at), out var header);
                numbers.Add(BitConverter.ToInt32(buffer, at + 37));
                at += 5 + (int)header.Length;
            }
        }

        return numbers;
    }

    private SendQueue Queue(int depth = 128, int bytes = 2 * 1024 * 1024) => new(_pool, new QueueLimits(depth, bytes), _totals);
}
