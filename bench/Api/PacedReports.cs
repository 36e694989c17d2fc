using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace ApiLoad;

/// <summary>
/// Agents that report at a steady rate, each on a connection of its own. One thread, which mostly sleeps, sends for all of
/// them: a client on the servers' machine must take as little processor time from them as agents on other machines would.
/// </summary>
internal sealed class PacedReports : IDisposable
{
    private readonly List<Socket> _connections = [];
    private readonly byte[][] _requests;
    private readonly double _rate;
    private readonly byte[] _answer = new byte[64 * 1024];
    private int _next;

    /// <param name="url">The node.</param>
    /// <param name="tokens">Of the agents that take turns.</param>
    /// <param name="connections">How many of them have a connection of their own; the others share these.</param>
    /// <param name="rate">Reports a second.</param>
    /// <param name="body">Of each.</param>
    public PacedReports(Uri url, IEnumerable<Guid> tokens, int connections, double rate, string body)
    {
        _rate = rate;
        _requests = [.. tokens.Select(token => Encoding.ASCII.GetBytes(string.Create(
            CultureInfo.InvariantCulture,
            $"POST /api/v2/workspaceagents/me/report-stats HTTP/1.1\r\nHost: {url.Authority}\r\nCoder-Session-Token: {token}\r\n"
                + $"Content-Type: application/json\r\nContent-Length: {body.Length}\r\n\r\n{body}")))];
        for (var i = 0; i < connections; i++)
        {
            var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
            socket.Connect(new DnsEndPoint(url.Host, url.Port));
            _connections.Add(socket);
        }
    }

    /// <summary>How many were answered with 200, and how many with anything else.</summary>
    public (long Done, long Failed) Run(TimeSpan time)
    {
        var (done, failed) = (0L, 0L);
        var clock = Stopwatch.StartNew();
        for (var i = 0; clock.Elapsed < time; i++)
        {
            if (TimeSpan.FromSeconds(i / _rate) - clock.Elapsed is var early && early > TimeSpan.Zero)
            {
                Thread.Sleep(early);
            }

            var socket = _connections[_next % _connections.Count];
            socket.Send(_requests[_next++ % _requests.Length]);
            if (Receive(socket))
            {
                done++;
            }
            else
            {
                failed++;
            }
        }

        return (done, failed);
    }

    public void Dispose() => _connections.ForEach(static socket => socket.Dispose());

    // The answer is short: head and body come together, but need not.
    private bool Receive(Socket socket)
    {
        var length = 0;
        while (true)
        {
            var count = socket.Receive(_answer.AsSpan(length));
            if (count == 0)
            {
                throw new InvalidOperationException("The node has closed a connection.");
            }

            length += count;
            var text = Encoding.ASCII.GetString(_answer, 0, length);
            if (text.IndexOf("\r\n\r\n", StringComparison.Ordinal) is > 0 and var head
                && text.IndexOf("Content-Length: ", StringComparison.OrdinalIgnoreCase) is > 0 and var field
                && length >= head + 4 + int.Parse(
                    text.AsSpan(field + 16, text.IndexOf('\r', field) - field - 16), CultureInfo.InvariantCulture))
            {
                return text.StartsWith("HTTP/1.1 200 ", StringComparison.Ordinal);
            }
        }
    }
}
