using ControlPlane.Connections;

namespace ControlPlane.Terminals;

/// <summary>A terminal that the agent has opened, or how the client's WebSocket is to be closed instead.</summary>
internal sealed record OpenedTerminal(ITerminal? Terminal, TerminalEnd? Failure)
{
    private const string Prefix = "dial workspace agent: ";

    /// <summary>Asks the agent, within the time for it.</summary>
    /// <param name="agent">Opens it.</param>
    /// <param name="request">Which one.</param>
    /// <param name="options">How long the agent may take.</param>
    /// <param name="time">The clock.</param>
    /// <param name="aborted">The client has gone.</param>
    /// <param name="stopping">The server's end.</param>
    /// <exception cref="AgentConnectionException">The shell that was asked for is not there (<see cref="AgentConnectionException.Gone"/>).</exception>
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
                null, stopping.IsCancellationRequested ? TerminalEnd.Stopping : TerminalEnd.Agent(Prefix + "no answer in time"));
        }
        catch (AgentConnectionException exception) when (exception.Status is not AgentConnectionException.Gone)
        {
            return new OpenedTerminal(null, TerminalEnd.Agent(Prefix + exception.Message));
        }
    }
}
