using System.Net;
using System.Net.Sockets;
using Tailnet.Ip.Tcp;
using Tailnet.Peer;

namespace EndToEnd.AgentCommands;

/// <summary>A tailnet node with an agent on loopback, whose ports a test serves.</summary>
internal sealed class LoopbackAgents : IAgentDialer
{
    /// <summary>What serves each port. Other ports are refused.</summary>
    public Dictionary<int, Func<Socket, Task>> Ports { get; } = [];

    /// <summary>Why pings fail; null for none.</summary>
    public DialFailure? PingFailure { get; set; }

    public async Task<AgentStream> DialAsync(Guid agent, ushort port, TimeSpan timeout, CancellationToken cancellation)
    {
        if (!Ports.TryGetValue(port, out var serve))
        {
            throw new DialException(DialFailure.Refused);
        }

        using var listener = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        listener.Listen();
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        await socket.ConnectAsync(listener.LocalEndPoint!, cancellation);
        _ = ServeAsync(await listener.AcceptAsync(cancellation), serve);
        return new LoopbackStream(socket);
    }

    public Task<TimeSpan> PingAsync(Guid agent, TimeSpan timeout, CancellationToken cancellation) => PingFailure is { } failure
        ? Task.FromException<TimeSpan>(new DialException(failure))
        : Task.FromResult(TimeSpan.FromMilliseconds(1.5));

    public AgentPath? Find(Guid agent) => new(TailnetPeerState.Up, 999, null, null, 0);

    private static async Task ServeAsync(Socket socket, Func<Socket, Task> serve)
    {
        using (socket)
        {
            await serve(socket);
        }
    }
}
