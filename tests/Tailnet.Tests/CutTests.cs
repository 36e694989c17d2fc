using System.IO.Pipelines;
using Tailnet.Drpc;
using Tailnet.Wire;
using Tailnet.Yamux;

namespace Tailnet.Tests;

/// <summary>The result is the same wherever a byte stream is split into reads, at every layer.</summary>
public class CutTests
{
    [Theory]
    [InlineData("1-unary-unimplemented")]
    [InlineData("2-server-stream-derp-map")]
    [InlineData("3-bidirectional-coordinate")]
    [InlineData("5-unknown-rpc")]
    public async Task AServerAnswersTheSameWhereverTheStreamIsCut(string name)
    {
        var vector = Vector.Load(name);

        // The bytes end before the FIN: it came after the answer in the recording, and before the answer it would cancel the call.
        var client = vector.Bytes(client: true)[..^YamuxHeader.Size];
        var expected = vector.Drpc(client: false);
        for (var cut = 1; cut < client.Length; cut++)
        {
            Assert.Equal(expected, await ServeAsync(vector, [client[..cut], client[cut..]]));
        }

        Assert.Equal(expected, await ServeAsync(vector, [.. client.Select(static one => new[] { one })]));
    }

    private static async Task<byte[]> ServeAsync(Vector vector, byte[][] pieces)
    {
        // A write completes only when the session has looked at it, so each piece is a read of its own.
        var incoming = new Pipe(new PipeOptions(pauseWriterThreshold: 1, resumeWriterThreshold: 1, useSynchronizationContext: false));
        var outgoing = new Pipe();
        using var session = new YamuxSession(new Transport(incoming.Reader, outgoing.Writer), YamuxRole.Acceptor);
        var running = session.RunAsync();
        var serving = new DrpcServer(VectorTests.Router(vector)).ServeAsync(session);
        foreach (var piece in pieces)
        {
            await incoming.Writer.WriteAsync(piece).Soon();
        }

        var wanted = vector.Drpc(client: false).Length;
        var received = new List<byte>();
        while (Vector.Canonical([.. received]).Sum(static frame => frame.Body.Length) < wanted)
        {
            var result = await outgoing.Reader.ReadAsync().Soon();
            foreach (var segment in result.Buffer)
            {
                received.AddRange(segment.Span);
            }

            outgoing.Reader.AdvanceTo(result.Buffer.End);
            Assert.False(result.IsCompleted, "The session ended before its answer.");
        }

        session.Close();
        await running.Soon();
        await serving.Soon();
        return [.. Vector.Canonical([.. received]).SelectMany(static frame => frame.Body)];
    }

    private sealed record Transport(PipeReader Input, PipeWriter Output) : IDuplexPipe;
}
