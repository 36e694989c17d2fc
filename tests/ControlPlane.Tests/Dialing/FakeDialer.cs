using System.Threading.Channels;
using Tailnet.Ip.Tcp;
using Tailnet.Peer;

namespace ControlPlane.Tests.Dialing;

/// <summary>A tailnet node whose agent listens on every port, unless a test wants another answer.</summary>
internal sealed class FakeDialer : IAgentDialer
{
    private readonly Channel<LoopbackAgent> _dialed = Channel.CreateUnbounded<LoopbackAgent>();

    /// <summary>What each call throws; null for none.</summary>
    public Exception? Failure { get; set; }

    /// <summary>Whether calls wait until they are cancelled.</summary>
    public bool Hangs { get; set; }

    /// <summary>The stream of the next dials; null for a real connection.</summary>
    public AgentStream? Stream { get; set; }

    public TimeSpan Latency { get; set; }

    public AgentPath? Path { get; set; }

    public (Guid Agent, int Port, TimeSpan Timeout) Called { get; private set; }

    /// <summary>The agent's side of the next connection.</summary>
    public async Task<LoopbackAgent> AcceptAsync() =>
        await _dialed.Reader.ReadAsync(TestContext.Current.CancellationToken).AsTask().Soon();

    public async Task<AgentStream> DialAsync(Guid agent, ushort port, TimeSpan timeout, CancellationToken cancellation)
    {
        Called = (agent, port, timeout);
        await FailAsync(cancellation);
        if (Stream is not null)
        {
            return Stream;
        }

        var connection = await LoopbackAgent.ConnectAsync();
        _dialed.Writer.TryWrite(connection);
        return connection.Stream;
    }

    public async Task<TimeSpan> PingAsync(Guid agent, TimeSpan timeout, CancellationToken cancellation)
    {
        Called = (agent, 0, timeout);
        await FailAsync(cancellation);
        return Latency;
    }

    public AgentPath? Find(Guid agent) => Path;

    private Task FailAsync(CancellationToken cancellation) =>
        Hangs ? Task.Delay(Timeout.InfiniteTimeSpan, cancellation)
        : Failure is not null ? Task.FromException(Failure)
        : Task.CompletedTask;
}
