using System.Net;
using System.Net.Sockets;
using Edge.Hosting;

namespace Edge.AgentCommands;

/// <summary><c>Edge port-forward</c>: listens on local ports, and dials the agent for each accepted connection.</summary>
internal static class PortForwardCommand
{
    /// <summary>Runs until a signal comes.</summary>
    /// <exception cref="AgentCommandException">There is no such agent, or a local port cannot be used.</exception>
    public static async Task RunAsync(
        AgentClient client,
        NamedAgent agent,
        IReadOnlyList<ForwardedPort> ports,
        TextWriter output,
        TextWriter errors,
        CancellationToken cancellation)
    {
        // A wrong token or id fails here, and not only when a program connects.
        await client.GetAsync($"/api/v2/workspaceagents/{agent.Id}", cancellation);
        using var signals = new StopSignals();
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellation, signals.Requested);
        var listeners = new List<(Socket Socket, ForwardedPort Port)>();
        try
        {
            listeners.AddRange(ports.Select(static port => (Listen(port), port)));
            foreach (var (socket, port) in listeners)
            {
                await output.WriteLineAsync($"{socket.LocalEndPoint} forwards to port {port.Remote} of {agent.Name}");
            }

            await output.WriteLineAsync("stop it with Ctrl-C");
            var safeErrors = TextWriter.Synchronized(errors);
            await Task.WhenAll(listeners.Select(one => AcceptAsync(client, agent, one.Socket, one.Port, safeErrors, stop.Token)));
        }
        finally
        {
            listeners.ForEach(static one => one.Socket.Dispose());
        }
    }

    private static Socket Listen(ForwardedPort port)
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            socket.Bind(new IPEndPoint(IPAddress.Loopback, port.Local));
            socket.Listen();
            return socket;
        }
        catch (SocketException error)
        {
            socket.Dispose();
            throw new AgentCommandException($"127.0.0.1:{port.Local} cannot be used ({error.Message}); choose another LOCAL", error);
        }
    }

    /// <summary>Accepts connections until the stop, which resets them.</summary>
    private static async Task AcceptAsync(
        AgentClient client, NamedAgent agent, Socket listener, ForwardedPort port, TextWriter errors, CancellationToken stop)
    {
        while (!stop.IsCancellationRequested)
        {
            try
            {
                var socket = await listener.AcceptAsync(stop);
                _ = ForwardAsync(client, agent, socket, port, errors, stop);
            }
            catch (OperationCanceledException)
            {
                return;
            }
            catch (SocketException error)
            {
                await errors.WriteLineAsync($"edge: a connection to {listener.LocalEndPoint} was not accepted: {error.Message}");
            }
        }
    }

    /// <summary>Never throws: the other connections go on.</summary>
    private static async Task ForwardAsync(
        AgentClient client, NamedAgent agent, Socket socket, ForwardedPort port, TextWriter errors, CancellationToken stop)
    {
        try
        {
            socket.NoDelay = true;
            using var connection = await AgentConnection.DialAsync(client, agent.Id, port.Remote, stop);
            await using var stream = new NetworkStream(socket);
            await AgentBridge.RunAsync(
                connection,
                stream,
                stream,
                () =>
                {
                    socket.Shutdown(SocketShutdown.Send);
                    return Task.CompletedTask;
                },
                stop);
            socket.Dispose();
        }
        catch (AgentCommandException error)
        {
            socket.Close(timeout: 0);
            await errors.WriteLineAsync($"edge: port {port.Remote} of {agent.Name}: {error.Message}");
        }
        catch (Exception)
        {
            // The local program has gone, or the command stops.
            socket.Close(timeout: 0);
        }
    }
}
