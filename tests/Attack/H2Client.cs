using System.Buffers.Binary;
using System.Text;

namespace Attack;

/// <summary>Speaks HTTP/2 frame by frame, with headers that no client library would send (RFC 9113, RFC 7541 §6.2.2).</summary>
internal sealed class H2Client : IAsyncDisposable
{
    private const byte Data = 0;
    private const byte Headers = 1;
    private const byte Reset = 3;
    private const byte Settings = 4;
    private const byte GoAway = 7;
    private const byte EndStream = 1;
    private const byte EndHeaders = 4;

    private readonly RawClient _client;
    private byte[] _input = [];
    private int _stream = 1;

    private H2Client(RawClient client) => _client = client;

    public static (string Name, string Value)[] Get(string path) =>
        [(":method", "GET"), (":scheme", "http"), (":path", path), (":authority", "x")];

    public static async Task<H2Client> ConnectAsync(Uri url)
    {
        var client = new H2Client(await RawClient.ConnectAsync(url));
        await client._client.SendAsync("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
        await client.SendFrameAsync(Settings, 0, 0, []);
        return client;
    }

    /// <summary><c>answer</c> (any status), <c>400</c>, <c>reset</c>, or <c>closed</c> with the connection.</summary>
    public async Task<string> RequestAsync((string Name, string Value)[] fields, string? body = null)
    {
        var block = new List<byte>();
        foreach (var (name, value) in fields)
        {
            block.Add(0);
            Put(block, name);
            Put(block, value);
        }

        var stream = _stream;
        _stream += 2;
        await SendFrameAsync(Headers, (byte)(EndHeaders | (body is null ? EndStream : 0)), stream, [.. block]);
        if (body is not null)
        {
            await SendFrameAsync(Data, EndStream, stream, Encoding.Latin1.GetBytes(body));
        }

        string? found = null;
        while (true)
        {
            if (await ReadFrameAsync() is not var (type, flags, id, payload) || type == GoAway)
            {
                return found ?? "closed";
            }

            if (id != stream)
            {
                continue;
            }

            // Index 12 of the static table is ":status: 400".
            found ??= type == Reset ? "reset" : type == Headers ? (payload is [0x8c, ..] ? "400" : "answer") : null;
            if (type == Reset || (flags & EndStream) != 0)
            {
                return found ?? "closed";
            }
        }
    }

    public ValueTask DisposeAsync()
    {
        _client.Dispose();
        return ValueTask.CompletedTask;
    }

    private static void Put(List<byte> block, string text)
    {
        Assert.InRange(text.Length, 0, 126);
        block.Add((byte)text.Length);
        block.AddRange(Encoding.Latin1.GetBytes(text));
    }

    private Task SendFrameAsync(byte type, byte flags, int stream, byte[] payload)
    {
        var frame = new byte[9 + payload.Length];
        BinaryPrimitives.WriteInt32BigEndian(frame, payload.Length << 8);
        frame[3] = type;
        frame[4] = flags;
        BinaryPrimitives.WriteInt32BigEndian(frame.AsSpan(5), stream);
        payload.CopyTo(frame, 9);
        return _client.SendAsync(frame);
    }

    private async Task<(byte Type, byte Flags, int Stream, byte[] Payload)?> ReadFrameAsync()
    {
        int length;
        while (_input.Length < 9 || _input.Length < (length = (BinaryPrimitives.ReadInt32BigEndian(_input) >>> 8) + 9))
        {
            var more = await _client.ReceiveAsync();
            if (more.Length == 0)
            {
                return null;
            }

            _input = [.. _input, .. more];
        }

        var frame = _input[..length];
        _input = _input[length..];
        return (frame[3], frame[4], BinaryPrimitives.ReadInt32BigEndian(frame.AsSpan(5)), frame[9..]);
    }
}
