namespace Edge.AgentCommands;

/// <summary>
/// <c>Edge ssh</c>: passes bytes between standard input and output and the agent's SSH server. OpenSSH runs it as its
/// <c>ProxyCommand</c>.
/// </summary>
internal static class SshCommand
{
    private const int Port = 1;

    /// <exception cref="AgentCommandException">The agent cannot be reached, or the connection has failed.</exception>
    public static async Task RunAsync(AgentClient client, NamedAgent agent, CancellationToken cancellation)
    {
        using var connection = await AgentConnection.DialAsync(client, agent.Id, Port, cancellation);
        await using var input = Console.OpenStandardInput();
        await using var output = Console.OpenStandardOutput();
        try
        {
            // An SSH server that has ended its bytes reads no more. OpenSSH sees the end of the output when this process ends.
            await AgentBridge.RunAsync(connection, input, output, () => connection.CompleteWritesAsync(cancellation), cancellation);
        }
        catch (IOException error)
        {
            throw new AgentCommandException($"standard input or output has failed: {error.Message}", error);
        }
    }
}
