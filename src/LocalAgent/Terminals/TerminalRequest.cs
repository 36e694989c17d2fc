namespace LocalAgent.Terminals;

/// <summary>A client's request for a terminal.</summary>
/// <param name="Id">The terminal, as the client names it.</param>
/// <param name="Height">Rows.</param>
/// <param name="Width">Columns.</param>
/// <param name="Command">A command line for the user's shell; empty for the login shell itself.</param>
/// <param name="Shell">
/// The only shell to attach to (<see cref="TerminalSession.Shell"/>); null attaches to any shell, and starts one where there is none.
/// </param>
internal sealed record TerminalRequest(Guid Id, ushort Height, ushort Width, string Command, Guid? Shell = null);
