using System.Net.Sockets;
using System.Text;

namespace Testing;

/// <summary>Many connections that are open at the same time, each of which has been served once.</summary>
public sealed class Crowd : IAsyncDisposable
{
    private const int AtOnce = 50;

    private const string Request = "HEAD /api/v2/buildinfo HTTP/1.1\r\nHost: x\r\n\r\n";

    private readonly Queue<RawClient> _clients = new();

    private Crowd()
    {
    }

    /// <summary>Connects them, each with <paramref name="hello"/> before its request, and waits until each has its answer.</summary>
    public static async Task<Crowd> ArriveAsync(Uri url, int count, string hello = "", string? from = null)
    {
        var crowd = new Crowd();
        foreach (var some in Enumerable.Range(0, count).Chunk(AtOnce))
        {
            foreach (var client in await Task.WhenAll(some.Select(_ => ArriveAsync(url, hello, from))))
            {
                crowd._clients.Enqueue(client);
            }
        }

        return crowd;
    }

    /// <summary>One more, for as long as one request takes: the head of its answer, or nothing if it is turned away.</summary>
    public static async Task<string> TryAsync(Uri url, string hello = "", string? from = null)
    {
        try
        {
            using var client = await RawClient.ConnectAsync(url, from);
            await client.SendAsync(hello + Request.Replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n", StringComparison.Ordinal));
            var answer = await client.ReceiveAllAsync();
            return answer == "[reset]" ? "" : answer;
        }
        catch (SocketException)
        {
            // The node reset the connection before the request was sent.
            return "";
        }
    }

    /// <summary>The first one goes.</summary>
    public void LeaveOne() => _clients.Dequeue().Dispose();

    /// <summary>All that are still there get another answer.</summary>
    public async Task AssertServedAsync()
    {
        foreach (var some in _clients.Chunk(AtOnce))
        {
            await Task.WhenAll(some.Select(AskAsync));
        }
    }

    public ValueTask DisposeAsync()
    {
        while (_clients.TryDequeue(out var client))
        {
            client.Dispose();
        }

        return ValueTask.CompletedTask;
    }

    private static async Task<RawClient> ArriveAsync(Uri url, string hello, string? from)
    {
        var client = await RawClient.ConnectAsync(url, from);
        await client.SendAsync(Encoding.Latin1.GetBytes(hello));
        await AskAsync(client);
        return client;
    }

    private static async Task AskAsync(RawClient client)
    {
        await client.SendAsync(Request);
        var answer = await client.ReceiveUntilAsync("\r\n\r\n");
        if (!answer.StartsWith("HTTP/1.1 200 ", StringComparison.Ordinal))
        {
            throw new InvalidOperationException($"Not served: '{answer}'");
        }
    }
}
