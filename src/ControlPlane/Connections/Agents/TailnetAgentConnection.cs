using System.Runtime.CompilerServices;
using System.Text.Json;

namespace ControlPlane.Connections.Agents;

/// <summary>
/// The API server's client of an agent on the tailnet. A terminal is a connection to port 2, and every other call is an HTTP request to
/// port 4, in the form that the agent's age knows (tailnet-node.md §7).
/// </summary>
internal sealed class TailnetAgentConnection(AgentPorts ports, ControlPlaneOptions options, TimeProvider time) : IAgentConnection
{
    // The interval of agents (tailnet.md §9.3).
    private static readonly TimeSpan WatchInterval = TimeSpan.FromSeconds(10);

    private readonly AgentContainersClient _containers = new(ports, time);

    public bool Accepts(TerminalRequest request) => PtyInit.Write(request) is not null;

    public Task<AgentContainers> ListContainersAsync(CancellationToken cancellationToken) => _containers.ListAsync(cancellationToken);

    public Task<AgentNotice> RecreateDevcontainerAsync(string key, bool isContainer, CancellationToken cancellationToken) =>
        _containers.RecreateAsync(key, isContainer, cancellationToken);

    public async Task<IReadOnlyList<ListeningPort>> ListListeningPortsAsync(CancellationToken cancellationToken)
    {
        var answer = await AgentHttp.AskAsync(ports, HttpMethod.Get, "api/v0/listening-ports", cancellationToken);
        return AgentLists.Complete(answer.Read(AgentJson.Wire.AgentListeningPorts));
    }

    public async IAsyncEnumerable<AgentContainers> WatchContainersAsync([EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var (watch, answer) = await AgentWatch.OpenAsync(ports, "api/v0/containers/watch", options, cancellationToken);
        if (watch is not null)
        {
            using (watch)
            {
                while (await watch.ReadAsync(cancellationToken) is { } message)
                {
                    yield return AgentLists.Complete(AgentAnswer.Read(message.Span, AgentJson.Wire.AgentContainerList));
                }
            }

            yield break;
        }

        if (!answer!.IsUnknownRoute)
        {
            throw answer.Refusal();
        }

        // Agents before v2.25 have no watch.
        byte[] last = [];
        using var timer = new PeriodicTimer(WatchInterval, time);
        do
        {
            var containers = await ListInTimeAsync(cancellationToken);
            var text = JsonSerializer.SerializeToUtf8Bytes(containers, AgentJson.Wire.AgentContainers);
            if (!last.AsSpan().SequenceEqual(text))
            {
                last = text;
                yield return containers;
            }
        }
        while (await timer.WaitForNextTickAsync(cancellationToken));
    }

    public async Task<ITerminal> OpenTerminalAsync(TerminalRequest request, CancellationToken cancellationToken)
    {
        if (request.Shell is not null)
        {
            // Agents on the tailnet do not name their shells: the shell was the local agent's.
            throw new AgentConnectionException(AgentConnectionException.Gone, "the terminal's shell has ended");
        }

        var init = PtyInit.Write(request) ?? throw new ArgumentException("The request is too long.", nameof(request));
        var stream = await ports.DialAsync(AgentPorts.Terminal, cancellationToken);
        try
        {
            await stream.WriteAsync(init, cancellationToken);
            return new TailnetTerminal(stream);
        }
        catch (Exception exception)
        {
            await stream.DisposeAsync();
            if (exception is IOException)
            {
                throw new AgentConnectionException(AgentPorts.LostBy(exception).Message, exception) { IsOfPort = true };
            }

            throw;
        }
    }

    /// <summary>Lists the containers for a watch, whose first list alone has a time limit of its caller.</summary>
    private async Task<AgentContainers> ListInTimeAsync(CancellationToken cancellationToken)
    {
        using var limit = new CancellationTokenSource(options.AgentCallTimeout, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, cancellationToken);
        try
        {
            return await _containers.ListAsync(either.Token);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            throw new AgentConnectionException("no answer in time");
        }
    }
}
