using System.Net.Sockets;
using System.Text.RegularExpressions;

namespace Attack;

/// <summary>
/// The outcome of an attack: the bytes that the client got until the connection ended, and the requests that the backend saw.
/// </summary>
public sealed partial record Outcome(string Answer, string[] Seen)
{
    /// <summary>The status codes that the client got, in order.</summary>
    public int[] Statuses => [.. StatusLine().Matches(Answer)
        .Select(static match => int.Parse(match.Groups[1].Value, System.Globalization.CultureInfo.InvariantCulture))];

    /// <summary>Each request's first line and body with its framing, as the backend saw it: <c>POST /x HTTP/1.1|hello</c>.</summary>
    public string[] SeenLines => [.. Seen.Select(static request =>
        $"{request[..request.IndexOf("\r\n", StringComparison.Ordinal)]}|"
            + $"{request[(request.IndexOf("\r\n\r\n", StringComparison.Ordinal) + 4)..]}")];

    /// <summary>The client got a refusal or no answer, and nothing reached the backend.</summary>
    public void IsRefused()
    {
        Assert.Empty(Seen);
        Assert.True(Statuses is [] or [>= 400 and < 500 or 501 or 505], Answer);
    }

    [GeneratedRegex(@"HTTP/1\.[01] (\d{3}) ")]
    private static partial Regex StatusLine();
}

/// <summary>A real node before a recording backend, shared by the cases of one class.</summary>
public class AttackRig : IAsyncLifetime
{
    /// <summary>The request that follows an attack on the same connection. It must get its own answer or none.</summary>
    public const string Next = "GET /next HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";

    public const string NextLine = "GET /next HTTP/1.1|";

    private TestNode? _node;

    public RecordingBackend Backend { get; private set; } = null!;

    public Uri Url => _node!.PublicUrl;

    /// <summary>The listener that speaks HTTP/2, without TLS.</summary>
    public Uri SecondUrl => new(_node!.Node.PublicUrls[1]);

    /// <summary>How requests come to the backend: by default all of them.</summary>
    protected virtual string[] Routes => [$"Edge:Backends={Backend.Url}"];

    protected virtual string[] Settings => [];

    public async ValueTask InitializeAsync()
    {
        Backend = new RecordingBackend();
        _node = await TestNode.StartAsync(["Edge:Mode=edge", .. Routes, "Edge:RateLimit:PerMinute=0",
            "Kestrel:Endpoints:One:Url=http://127.0.0.1:0", "Kestrel:Endpoints:Two:Url=http://127.0.0.1:0",
            "Kestrel:Endpoints:Two:Protocols=Http2", .. Settings]);
    }

    /// <summary>Sends the bytes and <see cref="Next"/> at once on one connection, and reads until it ends.</summary>
    public Task<Outcome> AttackAsync(string bytes) => SendAsync(bytes + Next);

    /// <summary>Sends the bytes on one connection, and reads until the edge ends it.</summary>
    public async Task<Outcome> SendAsync(string bytes)
    {
        Backend.Forget();
        using var client = await RawClient.ConnectAsync(Url);
        await TrySendAsync(client, bytes);
        var answer = await client.ReceiveAllAsync();
        return new Outcome(answer, Backend.Seen);
    }

    /// <summary>
    /// Somebody else's request is served, and the backend sees it and nothing else, but for what is left of an attack: the end of a request
    /// that was broken off may come at any time.
    /// </summary>
    public async Task ServesAsync()
    {
        Backend.Forget();
        using var client = await RawClient.ConnectAsync(Url);
        await client.SendAsync("GET /honest HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        var answer = await client.ReceiveAllAsync();
        Assert.StartsWith("HTTP/1.1 200 OK\r\n", answer, StringComparison.Ordinal);
        Assert.EndsWith("\r\n\r\nGET /honest", answer, StringComparison.Ordinal);
        Assert.Equal(
            ["GET /honest HTTP/1.1|"],
            new Outcome(answer, Backend.Seen).SeenLines.Where(static line => !line.StartsWith("cut: ", StringComparison.Ordinal)));
    }

    /// <summary>Sends what the edge still takes: it may close in the middle of an attack.</summary>
    internal static async Task TrySendAsync(RawClient client, string bytes)
    {
        try
        {
            await client.SendAsync(bytes);
        }
        catch (SocketException error) when (error.SocketErrorCode is SocketError.ConnectionReset or SocketError.Shutdown)
        {
            return;
        }
    }

    public async ValueTask DisposeAsync()
    {
        GC.SuppressFinalize(this);
        await _node!.DisposeAsync();
        await Backend.DisposeAsync();
    }
}
