namespace ControlPlane.Connections;

/// <summary>
/// What this server asks of one agent (tailnet.md §6.2, §9.3): the local agent answers over its Unix socket. Every call throws
/// <see cref="AgentConnectionException"/> when the agent cannot be reached or refuses.
/// </summary>
public interface IAgentConnection
{
    /// <summary>The containers and devcontainers of the agent's machine.</summary>
    Task<AgentContainers> ListContainersAsync(CancellationToken cancellationToken);

    /// <summary>The same at once, and again whenever it has changed, until cancelled.</summary>
    IAsyncEnumerable<AgentContainers> WatchContainersAsync(CancellationToken cancellationToken);

    /// <summary>Begins to make a devcontainer anew.</summary>
    /// <param name="key">The devcontainer's id, or where <paramref name="isContainer"/> its container's id or name.</param>
    /// <param name="isContainer">Which of the two <paramref name="key"/> is.</param>
    /// <param name="cancellationToken">Gives up asking; what has begun goes on.</param>
    /// <returns>What the agent says of it.</returns>
    Task<AgentNotice> RecreateDevcontainerAsync(string key, bool isContainer, CancellationToken cancellationToken);

    /// <summary>The TCP ports that are listened on, each once, in ascending order.</summary>
    Task<IReadOnlyList<ListeningPort>> ListListeningPortsAsync(CancellationToken cancellationToken);

    /// <summary>Attaches to a terminal, which is made if there is none of that id.</summary>
    Task<ITerminal> OpenTerminalAsync(TerminalRequest request, CancellationToken cancellationToken);
}
