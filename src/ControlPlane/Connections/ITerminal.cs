namespace ControlPlane.Connections;

/// <summary>
/// One attachment to a terminal. Reading and writing may overlap; two reads, or two writes or resizes, may not. Disposing it detaches:
/// the terminal and its processes go on.
/// </summary>
public interface ITerminal : IAsyncDisposable
{
    /// <summary>Which shell it is: another one under the same id of the client's has another value. Null where not known.</summary>
    Guid? Shell => null;

    /// <summary>The terminal's next output, raw; it may cut characters and escape sequences. 0 bytes once its process has ended.</summary>
    /// <exception cref="AgentConnectionException">The agent is lost, or has ended the attachment.</exception>
    ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken);

    /// <summary>Types; waits while the terminal takes no more.</summary>
    /// <exception cref="AgentConnectionException">The agent is lost.</exception>
    ValueTask WriteAsync(ReadOnlyMemory<byte> input, CancellationToken cancellationToken);

    /// <summary>Sets the size, in characters, of the terminal and so for everybody attached to it.</summary>
    /// <exception cref="AgentConnectionException">The agent is lost.</exception>
    ValueTask ResizeAsync(ushort height, ushort width, CancellationToken cancellationToken);
}

/// <summary>Which terminal, and what to start if it is not there yet.</summary>
/// <param name="Id">The client's <c>reconnect</c> id.</param>
/// <param name="Height">Rows.</param>
/// <param name="Width">Columns.</param>
/// <param name="Command">A command line for the user's shell; empty for the login shell itself.</param>
/// <param name="Shell">
/// Attaches to this shell alone (<see cref="ITerminal.Shell"/>): if it is not there, the agent refuses with 410 and starts none.
/// </param>
public sealed record TerminalRequest(Guid Id, ushort Height, ushort Width, string Command, Guid? Shell = null);
