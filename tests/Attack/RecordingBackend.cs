using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Attack;

/// <summary>What a backend sends for one request, byte for byte, and whether it then ends the connection.</summary>
public sealed record Answer(string Bytes, bool Close = false)
{
    public static Answer Of(string body) => new($"HTTP/1.1 200 OK\r\nContent-Length: {body.Length}\r\n\r\n{body}");
}

/// <summary>
/// An API server that keeps connections open, parses strictly by RFC 9112, and records each request byte for byte. Its
/// record has <c>garbage: …</c> for bytes that are no request, and <c>cut: …</c> for a request that the edge broke off. It
/// leaves out probes of <c>/healthz</c>.
/// </summary>
public sealed class RecordingBackend : IAsyncDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly ConcurrentQueue<string> _seen = new();
    private readonly Func<string, Answer> _answer;
    private readonly Task _accepting;

    /// <param name="answer">Gets a request's method and target; by default they are the answer's body.</param>
    public RecordingBackend(Func<string, Answer>? answer = null)
    {
        _answer = answer ?? Answer.Of;
        _listener.Start();
        _accepting = AcceptAsync();
    }

    public string Url => $"http://127.0.0.1:{((IPEndPoint)_listener.LocalEndpoint).Port}";

    /// <summary>Every request so far, whole: head, body and its framing.</summary>
    public string[] Seen => [.. _seen];

    public void Forget() => _seen.Clear();

    public async ValueTask DisposeAsync()
    {
        _listener.Dispose();
        await _accepting;
    }

    private async Task AcceptAsync()
    {
        while (true)
        {
            try
            {
                _ = ServeAsync(await _listener.AcceptSocketAsync());
            }
            catch (Exception error) when (error is SocketException or ObjectDisposedException)
            {
                return;
            }
        }
    }

    private async Task ServeAsync(Socket socket)
    {
        var input = "";
        var buffer = new byte[64 << 10];
        using (socket)
        {
            try
            {
                while (true)
                {
                    int length;
                    while ((length = RequestReader.Measure(input)) == 0)
                    {
                        var read = await socket.ReceiveAsync(buffer);
                        if (read == 0)
                        {
                            return;
                        }

                        input += Encoding.Latin1.GetString(buffer, 0, read);
                    }

                    if (length < 0)
                    {
                        return;
                    }

                    var request = input[..length];
                    input = input[length..];
                    var line = request[..request.IndexOf(" HTTP/1.1\r\n", StringComparison.Ordinal)];
                    Answer answer;
                    if (line == "GET /healthz")
                    {
                        answer = Answer.Of("");
                    }
                    else
                    {
                        _seen.Enqueue(request);
                        answer = _answer(line);
                    }

                    await socket.SendAsync(Encoding.Latin1.GetBytes(answer.Bytes));
                    if (answer.Close)
                    {
                        return;
                    }
                }
            }
            catch (SocketException)
            {
                // The edge broke off. What it sent until then is remembered below.
                return;
            }
            finally
            {
                if (input.Length > 0)
                {
                    _seen.Enqueue($"{(RequestReader.Measure(input) < 0 ? "garbage" : "cut")}: {input}");
                }
            }
        }
    }
}
