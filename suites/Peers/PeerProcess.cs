using System.Diagnostics;

namespace Peers;

/// <summary>
/// The program in <c>agent</c>, which <c>install.sh</c> builds: an agent or a client of its own, made of wireguard-go and gVisor's network
/// stack. Its output says what happens, line by line.
/// </summary>
internal sealed class PeerProcess : IAsyncDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private readonly Process _process;
    private readonly List<string> _lines = [];
    private readonly SemaphoreSlim _more = new(0);
    private int _read;
    private int _outputsOpen = 2;

    private PeerProcess(Process process) => _process = process;

    /// <summary>All lines so far.</summary>
    public IReadOnlyList<string> Lines
    {
        get
        {
            lock (_lines)
            {
                return [.. _lines];
            }
        }
    }

    /// <summary>The first address that it announces.</summary>
    public string Address => Lines.First(static line => line.StartsWith("started ", StringComparison.Ordinal)).Split(' ')[3];

    /// <summary>Starts an agent, and waits until the API server counts it as connected.</summary>
    public static async Task<PeerProcess> StartAgentAsync(EdgeServer server, AgentIdentity agent, params string[] flags)
    {
        var peer = await StartSoonAsync(server, agent, flags);
        try
        {
            await server.ConnectedAsync(agent);
        }
        catch
        {
            await peer.DisposeAsync();
            throw;
        }

        return peer;
    }

    /// <summary>Starts an agent, and waits only until it has announced its node.</summary>
    public static async Task<PeerProcess> StartSoonAsync(EdgeServer server, AgentIdentity agent, params string[] flags)
    {
        var peer = Start(agent.Token, ["-url", server.Url.AbsoluteUri, .. flags]);
        try
        {
            await peer.UntilAsync("coordinated");
        }
        catch
        {
            await peer.DisposeAsync();
            throw;
        }

        return peer;
    }

    /// <summary>Starts a client of one agent, and waits until it knows the agent's node.</summary>
    public static async Task<PeerProcess> StartClientAsync(EdgeServer server, AgentIdentity agent, params string[] flags)
    {
        var peer = Start(agent.SessionToken, ["-mode", "client", "-agent", agent.Id.ToString(), "-url", server.Url.AbsoluteUri, .. flags]);
        try
        {
            await peer.UntilAsync("node ");
        }
        catch
        {
            await peer.DisposeAsync();
            throw;
        }

        return peer;
    }

    /// <summary>Gives the program a command.</summary>
    public async Task TellAsync(string command)
    {
        await _process.StandardInput.WriteLineAsync(command);
        await _process.StandardInput.FlushAsync();
    }

    /// <summary>Waits for the next line that begins so, behind the line that the last call has found.</summary>
    public async Task<string> UntilAsync(string beginning)
    {
        var start = Stopwatch.GetTimestamp();
        while (true)
        {
            lock (_lines)
            {
                while (_read < _lines.Count)
                {
                    if (_lines[_read++].StartsWith(beginning, StringComparison.Ordinal))
                    {
                        return _lines[_read - 1];
                    }
                }

                Assert.True(_outputsOpen > 0, $"The peer ended and did not say \"{beginning}\":\n{string.Join('\n', _lines)}");
            }

            if (!await _more.WaitAsync(Patience) || Stopwatch.GetElapsedTime(start) > Patience)
            {
                throw new TimeoutException($"The peer did not say \"{beginning}\":\n{string.Join('\n', Lines)}");
            }
        }
    }

    /// <summary>Has a client listen for a port of its agent, and returns where.</summary>
    public async Task<int> ListenAsync(int port)
    {
        await TellAsync($"listen {port}");
        var line = await UntilAsync($"listening {port} ");
        return new Uri("tcp://" + line.Split(' ')[2]).Port;
    }

    /// <summary>Kills the process: it says nothing to anybody.</summary>
    public async ValueTask DisposeAsync()
    {
        _process.Kill();
        await _process.WaitForExitAsync();
        _process.Dispose();
    }

    private static PeerProcess Start(string token, string[] arguments)
    {
        var program = Path.Combine(Root(), "suites", "Peers", "agent", "bin", "peer");
        Assert.True(File.Exists(program), $"{program} is missing: run suites/Peers/install.sh");
        var start = new ProcessStartInfo(program, arguments)
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            RedirectStandardInput = true,
        };
        start.Environment["PEER_TOKEN"] = token;
        var peer = new PeerProcess(new Process { StartInfo = start });
        peer._process.OutputDataReceived += peer.OnOutput;
        peer._process.ErrorDataReceived += peer.OnOutput;
        peer._process.Start();
        peer._process.BeginOutputReadLine();
        peer._process.BeginErrorReadLine();
        return peer;
    }

    private static string Root()
    {
        var directory = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(directory.FullName, "Edge.sln")))
        {
            directory = directory.Parent ?? throw new DirectoryNotFoundException("No Edge.sln above the tests.");
        }

        return directory.FullName;
    }

    // The end of an output is a line of null.
    private void OnOutput(object sender, DataReceivedEventArgs line)
    {
        lock (_lines)
        {
            if (line.Data is { } text)
            {
                _lines.Add(text);
            }
            else
            {
                _outputsOpen--;
            }
        }

        _more.Release();
    }
}
