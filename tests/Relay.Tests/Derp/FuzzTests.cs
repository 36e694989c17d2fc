using System.Diagnostics;
using System.IO.Pipelines;
using Relay.Derp;
using Relay.Tests.Streams;

namespace Relay.Tests.Derp;

/// <summary>
/// Mutated handshakes and frames. With <c>EDGE_FUZZ_CASES</c> in the environment as many as it says, of the seed <c>EDGE_FUZZ_SEED</c>,
/// otherwise for a little more than a second.
/// </summary>
/// <remarks>Nothing else runs meanwhile, or its memory would be counted too.</remarks>
[CollectionDefinition(nameof(FuzzTests), DisableParallelization = true)]
[Collection(nameof(FuzzTests))]
public sealed class FuzzTests(ITestOutputHelper output)
{
    private const int AtOnce = 4;
    private const int Least = 1000; // However busy the machine is.
    private const long MostGrowth = 8 << 20;

    private static readonly int Cases = Setting("EDGE_FUZZ_CASES", 0);
    private static readonly int Seed = Setting("EDGE_FUZZ_SEED", 20261122);

    private static readonly PipeOptions Inline = new(
        readerScheduler: PipeScheduler.Inline, writerScheduler: PipeScheduler.Inline, pauseWriterThreshold: 0,
        useSynchronizationContext: false);

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task WhateverIsSentNothingCrashesHangsOrGrows(bool webSocket)
    {
        using var rig = new DerpRig();
        var receiver = await rig.GreetAsync();
        var draining = DrainAsync(receiver.Input);
        var mutator = new Mutator(webSocket ? ~Seed : Seed, rig.Server.PublicKey, receiver.Key);
        var clients = new Client?[AtOnce];
        var (start, handshakes, survived) = (Stopwatch.GetTimestamp(), 0L, 0L);
        long done = 0, settled = 0;
        for (; Cases > 0 ? done < Cases : done < Least || Stopwatch.GetElapsedTime(start) < TimeSpan.FromSeconds(1.3); done++)
        {
            var at = mutator.Next(AtOnce);
            var client = clients[at];
            var isNew = client is null || mutator.Next(24) == 0;
            if (isNew)
            {
                await EndAsync(client);
                client = new Client(rig.Server, webSocket);
                handshakes++;
            }

            var bytes = isNew ? mutator.Handshake() : mutator.Frame();
            var lives = await client!.WriteAsync(webSocket ? mutator.Message(bytes) : bytes, mutator);
            clients[at] = lives ? client : null;
            survived += lives ? 1 : 0;

            if (done == 20_000)
            {
                settled = GC.GetTotalMemory(forceFullCollection: true);
            }
        }

        foreach (var client in clients)
        {
            await EndAsync(client);
        }

        var grown = settled == 0 ? 0 : GC.GetTotalMemory(forceFullCollection: true) - settled;
        output.WriteLine($"{done} cases, {handshakes} of them handshakes, {survived} survived, {grown / 1024} KiB more, "
            + $"in {Stopwatch.GetElapsedTime(start)}");
        Assert.True(
            handshakes > 100 && survived > handshakes,
            $"{done} cases, {handshakes} handshakes, {survived} survived: they hardly reach what they are to test.");
        Assert.True(grown < MostGrowth, $"{grown} bytes more");
        Assert.Equal((1, 1, 0), (rig.Server.Registry.Connections, rig.Server.Registry.LocalKeys, rig.Server.Registry.Watchers));
        await receiver.LeaveAsync();
        await draining;
        Assert.Equal(0, rig.Server.Pool.Rented);
    }

    private static int Setting(string name, int otherwise) =>
        int.TryParse(Environment.GetEnvironmentVariable(name), out var value) ? value : otherwise;

    private static async Task EndAsync(Client? client)
    {
        if (client is not null)
        {
            await client.EndAsync();
        }
    }

    private static async Task DrainAsync(PipeReader reader)
    {
        ReadResult result;
        do
        {
            result = await reader.ReadAsync();
            reader.AdvanceTo(result.Buffer.End);
        }
        while (!result.IsCompleted);
    }

    private sealed class Client
    {
        private readonly Pipe _up = new(Inline);
        private readonly Pipe _down = new(Inline);
        private readonly WatchedReader _input;
        private readonly Task<DerpCloseReason> _served;

        public Client(DerpServer server, bool webSocket)
        {
            _input = new WatchedReader(_up.Reader);
            _served = server.RunAsync(
                webSocket
                    ? DerpTransport.ForWebSocket(_input, _down.Writer, null)
                    : new DerpTransport(_input, new DerpPipeOutput(_down.Writer)),
                CancellationToken.None);
        }

        /// <summary>Writes in one piece or two.</summary>
        /// <returns>Whether the server waits for more. If not, it has ended.</returns>
        public async Task<bool> WriteAsync(byte[] bytes, Mutator mutator)
        {
            var cut = mutator.Next(4) == 0 ? mutator.Next(bytes.Length + 1) : 0;
            var waits = await WriteAsync(bytes.AsMemory(0, cut)) && await WriteAsync(bytes.AsMemory(cut));
            if (_down.Reader.TryRead(out var sent))
            {
                _down.Reader.AdvanceTo(sent.Buffer.End);
            }

            if (!waits)
            {
                await EndAsync();
            }

            return waits;
        }

        /// <summary>The client leaves; what the server threw comes out here, and a server that hangs is one that does not end.</summary>
        public async Task EndAsync()
        {
            await _up.Writer.CompleteAsync();
            await _served.Soon();
            await _down.Reader.CompleteAsync();
        }

        private async Task<bool> WriteAsync(ReadOnlyMemory<byte> piece)
        {
            _input.IsWaiting = piece.IsEmpty;
            await _up.Writer.WriteAsync(piece);
            return _input.IsWaiting;
        }
    }
}
