namespace ControlPlane.Connections;

/// <summary>
/// The calls of this server to an agent (tailnet.md §6.2, §9.3). The local agent answers over its Unix socket, other agents over the
/// tailnet. Every call throws <see cref="AgentConnectionException"/> if the agent cannot be reached, or answers with an error.
/// </summary>
public interface IAgentConnection
{
    /// <summary>Lists the containers and development containers of the agent's machine.</summary>
    Task<AgentContainers> ListContainersAsync(CancellationToken cancellationToken);

    /// <summary>Returns the containers at once, and again after each change, until cancelled.</summary>
    IAsyncEnumerable<AgentContainers> WatchContainersAsync(CancellationToken cancellationToken);

    /// <summary>Starts the recreation of a development container.</summary>
    /// <param name="key">The development container's id, or its container's id or name.</param>
    /// <param name="isContainer">Whether <paramref name="key"/> is the container's id or name.</param>
    /// <param name="cancellationToken">Cancels the call, but not a recreation that has started.</param>
    /// <returns>The agent's answer.</returns>
    Task<AgentNotice> RecreateDevcontainerAsync(string key, bool isContainer, CancellationToken cancellationToken);

    /// <summary>Lists the TCP ports on which programs listen, without duplicates, in ascending order.</summary>
    Task<IReadOnlyList<ListeningPort>> ListListeningPortsAsync(CancellationToken cancellationToken);

    /// <summary>Whether the command of a terminal is short enough for the agent. The server asks before it opens a terminal.</summary>
    bool Accepts(TerminalRequest request) => true;

    /// <summary>Attaches to a terminal, which is created if none has the id.</summary>
    Task<ITerminal> OpenTerminalAsync(TerminalRequest request, CancellationToken cancellationToken);
}
