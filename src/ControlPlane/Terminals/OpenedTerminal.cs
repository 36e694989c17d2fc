using ControlPlane.Connections;
using Tailnet.Peer;

namespace ControlPlane.Terminals;

/// <summary>An open terminal, or the close code for the client's WebSocket when the agent did not open it.</summary>
internal sealed record OpenedTerminal(ITerminal? Terminal, TerminalEnd? Failure)
{
    private const string Tunnel = "dial workspace agent: ";
    private const string Port = "dial: ";

    /// <summary>Opens a terminal on the agent, within <see cref="ControlPlaneOptions.AgentCallTimeout"/>.</summary>
    /// <param name="agent">The agent's connection.</param>
    /// <param name="request">The terminal to open.</param>
    /// <param name="options">The options with the time-out.</param>
    /// <param name="time">The clock.</param>
    /// <param name="aborted">Cancelled when the client disconnects.</param>
    /// <param name="stopping">Cancelled when the server stops.</param>
    /// <exception cref="AgentConnectionException">
    /// The requested shell does not exist (<see cref="AgentConnectionException.Gone"/>), or this server has no path to the agent
    /// (<see cref="DialFailure.NoNode"/>).
    /// </exception>
    public static async Task<OpenedTerminal> OpenAsync(
        IAgentConnection agent,
        TerminalRequest request,
        ControlPlaneOptions options,
        TimeProvider time,
        CancellationToken aborted,
        CancellationToken stopping)
    {
        using var limit = new CancellationTokenSource(options.AgentCallTimeout, time);
        using var any = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, aborted, stopping);
        try
        {
            return new OpenedTerminal(await agent.OpenTerminalAsync(request, any.Token), null);
        }
        catch (OperationCanceledException) when (!aborted.IsCancellationRequested)
        {
            return new OpenedTerminal(
                null, stopping.IsCancellationRequested ? TerminalEnd.Stopping : TerminalEnd.Agent(Tunnel + "no answer in time"));
        }
        catch (AgentConnectionException exception) when (
            exception.Status is not AgentConnectionException.Gone && exception.Dial is not DialFailure.NoNode)
        {
            return new OpenedTerminal(
                null,
                stopping.IsCancellationRequested || exception.Dial is DialFailure.Stopping
                    ? TerminalEnd.Stopping
                    : TerminalEnd.Agent((exception.IsOfPort ? Port : Tunnel) + exception.Message));
        }
    }
}
