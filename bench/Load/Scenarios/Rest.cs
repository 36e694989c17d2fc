using System.Globalization;
using System.Net.Sockets;
using System.Text;
using Load.Clients;
using Load.Measuring;
using Load.Servers;

namespace Load.Scenarios;

/// <summary>Requests on connections that are kept, one at a time on each.</summary>
internal sealed class Rest()
    : ThreadedScenario("rest", "requests on kept connections", ServerRole.Streams, "cpu_s_per_million", ("connections", 20))
{
    private static readonly byte[] Request =
        "GET /api/v2/buildinfo HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: application/json\r\n\r\n"u8.ToArray();

    public override bool CountsUnits => true;

    public override Dictionary<string, double> Measure(Round round, IReadOnlyDictionary<string, int> parameters)
    {
        var done = 0L;
        var sockets = new List<Socket>();
        try
        {
            for (var i = 0; i < parameters["connections"]; i++)
            {
                var (socket, _) = Wires.Connect(round.Server.Address, null);
                sockets.Add(socket);
                Wires.Run(() =>
                {
                    for (var buffer = new byte[16 * 1024]; ;)
                    {
                        Exchange(socket, buffer);
                        Interlocked.Increment(ref done);
                    }
                });
            }

            return Costs(Window.Watch(round, () => Interlocked.Read(ref done)), "requests");
        }
        finally
        {
            sockets.ForEach(static socket => socket.Dispose());
        }
    }

    /// <summary>One request and its whole answer.</summary>
    /// <exception cref="IOException">The answer is not 200, or the connection has ended.</exception>
    internal static void Exchange(Socket socket, byte[] buffer)
    {
        socket.Send(Request);
        for (var end = 0; ;)
        {
            var n = socket.Receive(buffer.AsSpan(end));
            end += n > 0 ? n : throw new IOException("the proxy closed the connection");
            if (IsWhole(buffer.AsSpan(0, end)))
            {
                return;
            }
        }
    }

    /// <summary>Whether a whole answer is there: a head, and the body that its Content-Length tells or that ends its chunks.</summary>
    /// <exception cref="IOException">The answer is not 200.</exception>
    internal static bool IsWhole(ReadOnlySpan<byte> answer)
    {
        var head = answer.IndexOf("\r\n\r\n"u8);
        if (head < 0)
        {
            return false;
        }

        if (!answer.StartsWith("HTTP/1.1 200"u8))
        {
            throw new IOException($"not answered: {Encoding.ASCII.GetString(answer[..Math.Min(64, answer.Length)])}");
        }

        var body = answer[(head + 4)..];
        var text = Encoding.ASCII.GetString(answer[..head]);
        const string Name = "\ncontent-length:";
        var at = text.IndexOf(Name, StringComparison.OrdinalIgnoreCase);
        return at < 0
            ? body.EndsWith("0\r\n\r\n"u8)
            : body.Length >= int.Parse(text.AsSpan(at + Name.Length).Trim().ToString().Split('\r')[0], CultureInfo.InvariantCulture);
    }
}
