using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using Tailnet.Ip.Tcp;
using Tailnet.Peer;

namespace ControlPlane.Tests.Connections.Agents;

/// <summary>A dialer whose agents are listeners on loopback, one for each port.</summary>
internal sealed class FakeDialer : IAgentDialer
{
    public Dictionary<ushort, IPEndPoint> Listeners { get; } = [];

    public ConcurrentQueue<(Guid Agent, ushort Port, TimeSpan Timeout)> Dials { get; } = [];

    public ConcurrentQueue<LoopbackStream> Streams { get; } = [];

    /// <summary>Why every dial fails; null where they succeed.</summary>
    public DialFailure? Failure { get; set; }

    /// <summary>Whether dials wait until they are cancelled.</summary>
    public bool IsSilent { get; set; }

    /// <summary>Whether connections end as soon as they are there.</summary>
    public bool IsCutOff { get; set; }

    public AgentPath? Path { get; set; }

    public async Task<AgentStream> DialAsync(Guid agent, ushort port, TimeSpan timeout, CancellationToken cancellation)
    {
        Dials.Enqueue((agent, port, timeout));
        if (Failure is { } failure)
        {
            throw new DialException(failure);
        }

        if (IsSilent)
        {
            await Task.Delay(Timeout.InfiniteTimeSpan, cancellation);
        }

        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        await socket.ConnectAsync(Listeners[port], cancellation);
        var stream = new LoopbackStream(socket);
        Streams.Enqueue(stream);
        if (IsCutOff)
        {
            stream.Fail(TcpCloseReason.Reset);
        }

        return stream;
    }

    public Task<TimeSpan> PingAsync(Guid agent, TimeSpan timeout, CancellationToken cancellation) => throw new NotSupportedException();

    public AgentPath? Find(Guid agent) => Path;
}
