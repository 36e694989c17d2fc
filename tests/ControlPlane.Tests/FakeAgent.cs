using System.Runtime.CompilerServices;
using System.Threading.Channels;
using ControlPlane.Connections;

namespace ControlPlane.Tests;

/// <summary>An agent that answers what a test wants, and keeps what it was asked.</summary>
internal sealed class FakeAgent : IAgentConnection
{
    public static readonly AgentContainer Web = new(
        DateTimeOffset.UnixEpoch, "0123", "web", "nginx", new Dictionary<string, string> { ["a"] = "b=c" }, true,
        [new ContainerPort(80, "tcp", "0.0.0.0", 8080)], "running", new Dictionary<string, string>());

    public Func<CancellationToken, Task<AgentContainers>> Containers { get; set; } =
        static _ => Task.FromResult(new AgentContainers([Web, Web with { Id = "4567", Labels = new Dictionary<string, string>() }], []));

    public Channel<AgentContainers> Watched { get; } = Channel.CreateUnbounded<AgentContainers>();

    public IReadOnlyList<ListeningPort> Ports { get; set; } = [];

    public List<string> Recreated { get; } = [];

    public FakeTerminal Terminal { get; } = new();

    public AgentConnectionException? TerminalRefusal { get; set; }

    public TerminalRequest? Requested { get; private set; }

    public Task<AgentContainers> ListContainersAsync(CancellationToken cancellationToken) => Containers(cancellationToken);

    public async IAsyncEnumerable<AgentContainers> WatchContainersAsync([EnumeratorCancellation] CancellationToken cancellationToken)
    {
        yield return await Containers(cancellationToken);
        await foreach (var containers in Watched.Reader.ReadAllAsync(cancellationToken))
        {
            yield return containers;
        }
    }

    public Task<AgentNotice> RecreateDevcontainerAsync(string key, bool isContainer, CancellationToken cancellationToken)
    {
        Recreated.Add($"{(isContainer ? "container" : "devcontainer")} {key}");
        return Task.FromResult(new AgentNotice("Begun", "in detail"));
    }

    public Task<IReadOnlyList<ListeningPort>> ListListeningPortsAsync(CancellationToken cancellationToken) => Task.FromResult(Ports);

    public Task<ITerminal> OpenTerminalAsync(TerminalRequest request, CancellationToken cancellationToken)
    {
        Requested = request;
        return TerminalRefusal is null ? Task.FromResult<ITerminal>(Terminal) : Task.FromException<ITerminal>(TerminalRefusal);
    }
}

/// <summary>A terminal whose output a test writes, and whose input it reads.</summary>
internal sealed class FakeTerminal : ITerminal
{
    private readonly TaskCompletionSource _detached = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>What it puts out; completed for the end of its process, also with an error.</summary>
    public Channel<byte[]> Output { get; } = Channel.CreateUnbounded<byte[]>();

    /// <summary>What was typed, and sizes as "height x width".</summary>
    public Channel<string> Input { get; } = Channel.CreateUnbounded<string>();

    public Guid? Shell { get; set; }

    public Task Detached => _detached.Task;

    public async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken)
    {
        if (!await Output.Reader.WaitToReadAsync(cancellationToken) || !Output.Reader.TryRead(out var bytes))
        {
            return 0;
        }

        bytes.CopyTo(buffer);
        return bytes.Length;
    }

    public ValueTask WriteAsync(ReadOnlyMemory<byte> input, CancellationToken cancellationToken) =>
        Input.Writer.WriteAsync(System.Text.Encoding.UTF8.GetString(input.Span), cancellationToken);

    public ValueTask ResizeAsync(ushort height, ushort width, CancellationToken cancellationToken) =>
        Input.Writer.WriteAsync($"{height}x{width}", cancellationToken);

    public ValueTask DisposeAsync()
    {
        _detached.TrySetResult();
        return ValueTask.CompletedTask;
    }
}
