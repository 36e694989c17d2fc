namespace Edge.AgentCommands;

/// <summary>Passes bytes between local streams and a connection to an agent.</summary>
internal static class AgentBridge
{
    /// <summary>
    /// Passes bytes until both directions have ended. It does not wait for a read of <paramref name="input"/> that cannot be cancelled.
    /// </summary>
    /// <param name="connection">The connection to the agent.</param>
    /// <param name="input">The bytes for the agent.</param>
    /// <param name="output">The agent's bytes.</param>
    /// <param name="endOutput">Called after the agent's last byte.</param>
    /// <param name="cancellation">Ends both directions.</param>
    /// <exception cref="AgentCommandException">The connection to the agent has failed.</exception>
    /// <exception cref="IOException">A local stream has failed.</exception>
    public static async Task RunAsync(
        AgentConnection connection, Stream input, Stream output, Func<Task> endOutput, CancellationToken cancellation)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        var uploading = UploadAsync(connection, input, stop.Token);
        try
        {
            var buffer = new byte[AgentConnection.BufferBytes];
            while (await connection.ReadAsync(buffer, cancellation) is var count && count > 0)
            {
                await output.WriteAsync(buffer.AsMemory(0, count), cancellation);
                await output.FlushAsync(cancellation);
            }

            await endOutput();
            await connection.FinishAsync(cancellation);
        }
        catch (AgentCommandException) when (uploading is { IsCompletedSuccessfully: true, Result: { } local })
        {
            throw new IOException(local.Message, local);
        }
        finally
        {
            await stop.CancelAsync();
        }
    }

    /// <summary>Returns the failure of the local input; null without one. Never throws.</summary>
    private static async Task<IOException?> UploadAsync(AgentConnection connection, Stream input, CancellationToken stop)
    {
        try
        {
            var buffer = new byte[AgentConnection.BufferBytes];
            while (await input.ReadAsync(buffer, stop) is var count && count > 0)
            {
                await connection.WriteAsync(buffer.AsMemory(0, count), stop);
            }

            await connection.CompleteWritesAsync(stop);
            return null;
        }
        catch (IOException error)
        {
            // The agent must not take a part for the whole.
            connection.Abort();
            return error;
        }
        catch (Exception)
        {
            // The other direction has ended, and has the cause.
            return null;
        }
    }
}
