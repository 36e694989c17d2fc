namespace ControlPlane.Connections;

/// <summary>
/// One attachment to a terminal. A read and a write may run concurrently, but neither two reads nor two writes or resizes. Disposal
/// detaches: the terminal and its processes continue to run.
/// </summary>
public interface ITerminal : IAsyncDisposable
{
    /// <summary>The identity of the shell process: a new shell under the same client id has a new value. Null if unknown.</summary>
    Guid? Shell => null;

    /// <summary>
    /// Reads the terminal's raw output. A read may end inside a character or an escape sequence. It returns 0 bytes after the process has
    /// ended.
    /// </summary>
    /// <exception cref="AgentConnectionException">The agent's connection is lost, or the agent has ended the attachment.</exception>
    ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken);

    /// <summary>Writes input to the terminal, with back-pressure while its buffer is full.</summary>
    /// <exception cref="AgentConnectionException">The agent's connection is lost.</exception>
    ValueTask WriteAsync(ReadOnlyMemory<byte> input, CancellationToken cancellationToken);

    /// <summary>Sets the terminal's size, in characters, for all its attachments.</summary>
    /// <exception cref="AgentConnectionException">The agent's connection is lost.</exception>
    ValueTask ResizeAsync(ushort height, ushort width, CancellationToken cancellationToken);
}

/// <summary>The terminal to attach to, and the command to start if it does not exist yet.</summary>
/// <param name="Id">The client's <c>reconnect</c> id.</param>
/// <param name="Height">The number of rows.</param>
/// <param name="Width">The number of columns.</param>
/// <param name="Command">A command line for the user's shell; empty for the login shell itself.</param>
/// <param name="Shell">
/// Attaches only to this shell (<see cref="ITerminal.Shell"/>). If it has ended, the agent answers with 410 and starts no new one.
/// </param>
/// <param name="Container">The id or name of the container to run it in; empty for the agent's machine.</param>
/// <param name="ContainerUser">The user in the container; empty for the container's own.</param>
/// <param name="BackendType"><c>buffered</c>, <c>screen</c>, or empty for the agent's choice.</param>
public sealed record TerminalRequest(
    Guid Id,
    ushort Height,
    ushort Width,
    string Command,
    Guid? Shell = null,
    string Container = "",
    string ContainerUser = "",
    string BackendType = "");
