using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using System.Text;

namespace Load.Clients;

/// <summary>Connections of load clients: blocking sockets, because a thread a connection costs the client least here.</summary>
internal static class Wires
{
    /// <summary>No answer for so long, in ms, is a failure of the server.</summary>
    public const int Patience = 20_000;

    /// <summary>Connects, with TLS when the server's certificate is given; any other certificate is refused.</summary>
    public static (Socket Socket, Stream Stream) Connect(IPEndPoint server, X509Certificate2? certificate)
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp)
        {
            NoDelay = true,
            SendTimeout = Patience,
            ReceiveTimeout = Patience,
        };
        try
        {
            socket.Connect(server);
            var plain = new NetworkStream(socket, ownsSocket: true);
            if (certificate is null)
            {
                return (socket, plain);
            }

            var secure = new SslStream(
                plain, leaveInnerStreamOpen: false, (_, theirs, _, _) => theirs?.GetCertHashString() == certificate.GetCertHashString());
            secure.AuthenticateAsClient(
                new SslClientAuthenticationOptions { TargetHost = "127.0.0.1", ApplicationProtocols = [SslApplicationProtocol.Http11] });
            return (socket, secure);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    /// <summary>Sends a request head, and reads the answer's head up to its empty line and not a byte further.</summary>
    /// <exception cref="IOException">The answer is not 101.</exception>
    public static void Upgrade(Stream stream, string path, string headers)
    {
        stream.Write(Encoding.ASCII.GetBytes($"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\n{headers}\r\n"));
        var head = new StringBuilder();
        while (!(head.Length > 3 && head[^1] == '\n' && head[^3] == '\n'))
        {
            var next = stream.ReadByte();
            head.Append(next >= 0 && head.Length < 16_384 ? (char)next : throw new IOException($"no answer to the upgrade: {head}"));
        }

        var text = head.ToString();
        if (!text.StartsWith("HTTP/1.1 101", StringComparison.Ordinal))
        {
            throw new IOException($"no upgrade: {text.Split('\r')[0]}");
        }
    }

    /// <summary>The headers of a WebSocket handshake (RFC 6455 section 4.1); the key is nobody's secret.</summary>
    public static string WebSocketHeaders(string? protocol = null) =>
        "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
        + (protocol is null ? "" : $"Sec-WebSocket-Protocol: {protocol}\r\n");

    /// <summary>Runs a client's work on a thread of its own; that its server went away ends it quietly.</summary>
    public static Thread Run(Action work)
    {
        var thread = new Thread(
            () =>
            {
                try
                {
                    work();
                }
                catch (Exception exception) when (exception is IOException or SocketException or ObjectDisposedException)
                {
                    return; // The round is over, or the server failed: then the round's counter stands still.
                }
            },
            maxStackSize: 256 * 1024)
        { IsBackground = true };
        thread.Start();
        return thread;
    }
}
