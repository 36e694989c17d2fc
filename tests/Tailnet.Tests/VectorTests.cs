using Google.Protobuf;
using Tailnet.Drpc;
using Tailnet.Messages;
using Tailnet.Wire;
using Tailnet.Yamux;

namespace Tailnet.Tests;

/// <summary>The recorded bytes of the field's libraries, played by each side of ours against the recording of the other.</summary>
public class VectorTests
{
    private const string Service = "/coder.tailnet.v2.Tailnet/";

    public static TheoryData<string> Names =>
        ["1-unary-unimplemented", "2-server-stream-derp-map", "3-bidirectional-coordinate", "4-large-message-two-frames", "5-unknown-rpc"];

    [Theory]
    [MemberData(nameof(Names))]
    public async Task OurServerAnswersTheRecordedClientWithTheRecordedBytes(string name)
    {
        var vector = Vector.Load(name);
        await using var raw = new RawYamux();
        var serving = new DrpcServer(Router(vector)).ServeAsync(raw.Session);
        var client = vector.Bytes(client: true);

        // As recorded: the stream was accepted before data came, and the client's FIN came after the whole answer.
        await raw.SendBytesAsync(client[..YamuxHeader.Size]);
        var wanted = Vector.Canonical(vector.Bytes(client: false));
        var answer = new List<byte>(await raw.ReadBodyAsync(YamuxHeader.Size));
        await raw.SendBytesAsync(client[YamuxHeader.Size..^YamuxHeader.Size]);
        while (DataIn(answer) < wanted.Sum(static frame => frame.Body.Length))
        {
            var header = await raw.ReadAsync();
            if (header.Type == YamuxType.WindowUpdate && header.Flags == 0)
            {
                continue; // when room is given is free
            }

            var bytes = new byte[YamuxHeader.Size];
            header.Write(bytes);
            answer.AddRange([.. bytes, .. header.Type == YamuxType.Data ? await raw.ReadBodyAsync(header.Length) : []]);
        }

        await raw.SendBytesAsync(client[^YamuxHeader.Size..]);
        answer.AddRange(await raw.ReadBodyAsync(YamuxHeader.Size));
        Assert.Equal(wanted, Vector.Canonical([.. answer]), SameFrame);
        raw.Session.Close();
        await serving.Soon();
    }

    [Theory]
    [MemberData(nameof(Names))]
    public async Task OurClientSendsTheRecordedBytesToTheRecordedServer(string name)
    {
        var vector = Vector.Load(name);
        await using var raw = new RawYamux(role: YamuxRole.Dialer);
        var server = vector.Bytes(client: false);
        var calling = CallAsync(new DrpcClient(raw.Session), name, vector);
        var wanted = Vector.Canonical(vector.Bytes(client: true));
        var sent = new List<byte>();
        var answered = false;
        while (true)
        {
            var header = await raw.ReadAsync();
            var bytes = new byte[YamuxHeader.Size];
            header.Write(bytes);
            sent.AddRange([.. bytes, .. header.Type == YamuxType.Data ? await raw.ReadBodyAsync(header.Length) : []]);
            if ((header.Flags & YamuxFlags.Fin) != 0)
            {
                break;
            }

            if (!answered && DataIn(sent) == wanted.Sum(static frame => frame.Body.Length))
            {
                answered = true;
                await raw.SendBytesAsync(Renumber(server[..^YamuxHeader.Size]));
            }
        }

        await raw.SendBytesAsync(Renumber(server[^YamuxHeader.Size..]));
        await calling.Soon();
        Assert.Equal(wanted, Vector.Canonical([.. sent]), SameFrame);
    }

    [Fact]
    public async Task PingsAreAskedAndAnsweredAsRecorded()
    {
        var vector = Vector.Load("6-yamux-ping");
        await using var acceptor = new RawYamux();
        await acceptor.SendBytesAsync(vector.Bytes(client: true));
        Assert.Equal(vector.Bytes(client: false), await acceptor.ReadBodyAsync(YamuxHeader.Size));

        await using var dialer = new RawYamux(role: YamuxRole.Dialer);
        var ping = dialer.Session.PingAsync();
        Assert.Equal(vector.Bytes(client: true), await dialer.ReadBodyAsync(YamuxHeader.Size));
        await dialer.SendBytesAsync(vector.Bytes(client: false));
        await ping.Soon();
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void RecordedMessagesAreWrittenBackByteForByte(string name)
    {
        foreach (var client in new[] { true, false })
        {
            foreach (var packet in Packets.Read(Vector.Load(name).Drpc(client)).Where(static packet => packet.Kind == DrpcKind.Message))
            {
                IMessage message = name[0] switch
                {
                    '2' when !client => DERPMap.Parser.ParseFrom(packet.Data),
                    '3' or '4' => client
                        ? CoordinateRequest.Parser.ParseFrom(packet.Data)
                        : CoordinateResponse.Parser.ParseFrom(packet.Data),
                    _ => RefreshResumeTokenRequest.Parser.ParseFrom(packet.Data),
                };
                Assert.Equal(packet.Data, message.ToByteArray());
            }
        }
    }

    internal static DrpcRouter Router(Vector vector)
    {
        var answers = Packets.Read(vector.Drpc(client: false)).Where(static packet => packet.Kind == DrpcKind.Message).ToList();
        return new DrpcRouter()
            .AddUnary<RefreshResumeTokenRequest, RefreshResumeTokenResponse>(
                Service + "RefreshResumeToken", RefreshResumeTokenRequest.Parser, static (_, _) => throw DrpcException.Unimplemented())
            .AddServerStream(Service + "StreamDERPMaps", StreamDERPMapsRequest.Parser, (_, _) =>
                answers.Select(static packet => DERPMap.Parser.ParseFrom(packet.Data)).ToAsyncEnumerable())
            .Add(Service + "Coordinate", async (call, cancellationToken) =>
            {
                var next = 0;
                while (await call.ReceiveAsync(CoordinateRequest.Parser, cancellationToken) is { Disconnect: null } request)
                {
                    if (request.UpdateSelf is not null)
                    {
                        await call.SendAsync(CoordinateResponse.Parser.ParseFrom(answers[next++].Data), cancellationToken);
                    }
                }
            });
    }

    private static async Task CallAsync(DrpcClient client, string name, Vector vector)
    {
        var requests = Packets.Read(vector.Drpc(client: true));
        switch (name[0])
        {
            case '1' or '5':
                var path = System.Text.Encoding.UTF8.GetString(requests[0].Data);
                var failure = await Assert.ThrowsAsync<DrpcException>(() =>
                    client.UnaryAsync(path, new RefreshResumeTokenRequest(), RefreshResumeTokenResponse.Parser));
                Assert.Equal(name[0] == '1' ? DrpcException.UnimplementedCode : 0, failure.Code);
                return;
            case '2':
                var maps = new List<DERPMap>();
                await foreach (var map in client.ServerStreamAsync(Service + "StreamDERPMaps", new StreamDERPMapsRequest(), DERPMap.Parser))
                {
                    maps.Add(map);
                }

                Assert.Equal(999, Assert.Single(maps).Regions[999].RegionId);
                return;
        }

        await using var call = await client.StartAsync(Service + "Coordinate", CoordinateResponse.Parser);
        foreach (var packet in requests.Where(static packet => packet.Kind == DrpcKind.Message))
        {
            await call.SendAsync(CoordinateRequest.Parser.ParseFrom(packet.Data));
        }

        if (requests[^1].Kind == DrpcKind.CloseSend)
        {
            await call.CloseSendAsync();
        }

        Assert.Equal(CoordinateResponse.Types.PeerUpdate.Types.Kind.Node, (await call.ReceiveAsync())!.PeerUpdates[0].Kind);
        Assert.Null(await call.ReceiveAsync());
    }

    private static bool SameFrame((YamuxHeader Header, byte[] Body) one, (YamuxHeader Header, byte[] Body) other) =>
        one.Header == other.Header && one.Body.AsSpan().SequenceEqual(other.Body);

    private static int DataIn(List<byte> bytes) => Vector.Canonical([.. bytes]).Sum(static frame => frame.Body.Length);

    // The recording used one session for all exchanges; here each has a session of its own, where the stream is number 1.
    private static byte[] Renumber(byte[] bytes)
    {
        var renumbered = bytes.ToArray();
        for (var i = 0; i < bytes.Length; i += YamuxHeader.Size)
        {
            Assert.True(YamuxHeader.TryRead(bytes.AsSpan(i), out var header));
            (header with { StreamId = Math.Min(1, header.StreamId) }).Write(renumbered.AsSpan(i));
            i += header.Type == YamuxType.Data ? (int)header.Length : 0;
        }

        return renumbered;
    }
}
