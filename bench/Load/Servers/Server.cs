using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Load.Measuring;

namespace Load.Servers;

/// <summary>How a server is started.</summary>
/// <param name="Port">Where it will listen; 0 when it prints that itself, as Edge does.</param>
/// <param name="Directory">Its files, deleted at its end; null for none.</param>
/// <param name="Line">The program and its arguments.</param>
internal sealed record ServerCommand(int Port, string? Directory, string[] Line)
{
    /// <summary>Variables beside this process's own.</summary>
    public IReadOnlyDictionary<string, string> Environment { get; init; } = new Dictionary<string, string>();
}

/// <summary>A server under measurement: a process that this tool started, and ends.</summary>
internal sealed class Server : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private readonly Process _process;
    private readonly StringBuilder _output = new();
    private readonly string? _directory;

    private Server(Process process, string? directory) => (_process, _directory) = (process, directory);

    public IPEndPoint Address { get; private set; } = new(IPAddress.Loopback, 0);

    public int Id => _process.Id;

    /// <summary>
    /// Servers behind or beside this one, such as an API server or the other half of a mesh. Their cost is added to this
    /// one's, and they stop with it.
    /// </summary>
    public List<Server> Others { get; } = [];

    /// <summary>Edge's admin listener, which has its metrics.</summary>
    public Uri? Admin { get; private set; }

    /// <summary>Where an Edge keeps its files.</summary>
    public string? DataDirectory { get; set; }

    /// <summary>All processes of this server and the others, children included.</summary>
    public IReadOnlyList<int> Processes => [.. ProcessCost.Tree(Id), .. Others.SelectMany(static other => other.Processes)];

    private string Output
    {
        get
        {
            lock (_output)
            {
                return _output.ToString();
            }
        }
    }

    /// <summary>Starts a command and waits until its port accepts, or until Edge has printed its last line, where the port is 0.</summary>
    /// <exception cref="InvalidOperationException">It ended, or was not there in time.</exception>
    public static Server Start(ServerCommand command)
    {
        var start = new ProcessStartInfo(command.Line[0], command.Line[1..])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            RedirectStandardInput = true,
        };
        foreach (var (name, value) in command.Environment)
        {
            start.Environment[name] = value;
        }

        var server = new Server(new Process { StartInfo = start }, command.Directory);
        server._process.OutputDataReceived += server.OnOutput;
        server._process.ErrorDataReceived += server.OnOutput;
        server._process.Start();
        server._process.BeginOutputReadLine();
        server._process.BeginErrorReadLine();
        try
        {
            server.WaitForAddress(command);
            return server;
        }
        catch
        {
            server.Dispose();
            throw;
        }
    }

    /// <summary>A port that was free a moment ago.</summary>
    public static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }

    /// <summary>What this server and the others have cost so far.</summary>
    public ProcessCost Cost() => Others.Aggregate(ProcessCost.Of(Id), static (sum, other) => sum + other.Cost());

    public void Dispose()
    {
        if (!_process.HasExited)
        {
            _process.Kill(entireProcessTree: true);
            _process.WaitForExit();
        }

        _process.Dispose();
        Others.ForEach(static other => other.Dispose());
        if (_directory is not null)
        {
            Directory.Delete(_directory, recursive: true);
        }
    }

    private void WaitForAddress(ServerCommand command)
    {
        for (var start = Stopwatch.GetTimestamp(); Stopwatch.GetElapsedTime(start) < Patience; Thread.Sleep(50))
        {
            if (_process.HasExited)
            {
                break;
            }

            // Edge prints its addresses once all its listeners are there; its agent has none.
            if (command.Port == 0 && Output.Contains("\n  stop ", StringComparison.Ordinal))
            {
                Address.Port = Printed("  public ")?.Port ?? 0;
                Admin = Printed("  admin ");
                return;
            }

            if (command.Port != 0 && Accepts(command.Port))
            {
                Address.Port = command.Port;
                return;
            }
        }

        throw new InvalidOperationException($"{string.Join(' ', command.Line)} did not start:\n{Output}");
    }

    private Uri? Printed(string label) =>
        Output.Split('\n').FirstOrDefault(line => line.StartsWith(label, StringComparison.Ordinal)) is { } line
        && Uri.TryCreate(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1], UriKind.Absolute, out var url) ? url : null;

    private static bool Accepts(int port)
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            socket.Connect(IPAddress.Loopback, port);
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }

    private void OnOutput(object sender, DataReceivedEventArgs line)
    {
        lock (_output)
        {
            // Only the start is of interest.
            if (_output.Length < 64 * 1024)
            {
                _output.Append(line.Data).Append('\n');
            }
        }
    }
}
