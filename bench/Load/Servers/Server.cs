using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Load.Measuring;

namespace Load.Servers;

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

    /// <summary>Starts a command and waits until <paramref name="port"/> accepts, or until its output names its own public address where the port is 0.</summary>
    /// <exception cref="InvalidOperationException">It ended, or was not there in time.</exception>
    public static Server Start(int port, string? directory, params string[] command)
    {
        var start = new ProcessStartInfo(command[0], command[1..]) { RedirectStandardOutput = true, RedirectStandardError = true, RedirectStandardInput = true };
        var server = new Server(new Process { StartInfo = start }, directory);
        server._process.OutputDataReceived += server.OnOutput;
        server._process.ErrorDataReceived += server.OnOutput;
        server._process.Start();
        server._process.BeginOutputReadLine();
        server._process.BeginErrorReadLine();
        try
        {
            server.WaitForAddress(port, command);
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

    public ProcessCost Cost() => ProcessCost.Of(Id);

    public void Dispose()
    {
        if (!_process.HasExited)
        {
            _process.Kill(entireProcessTree: true);
            _process.WaitForExit();
        }

        _process.Dispose();
        if (_directory is not null)
        {
            Directory.Delete(_directory, recursive: true);
        }
    }

    private void WaitForAddress(int port, string[] command)
    {
        for (var start = Stopwatch.GetTimestamp(); Stopwatch.GetElapsedTime(start) < Patience; Thread.Sleep(50))
        {
            if (_process.HasExited)
            {
                break;
            }

            // Edge prints its addresses once all its listeners are there.
            var line = port == 0 && Output.Contains("\n  stop ", StringComparison.Ordinal)
                ? Output.Split('\n').FirstOrDefault(static line => line.StartsWith("  public ", StringComparison.Ordinal)) : null;
            if (line is not null && Uri.TryCreate(line["  public ".Length..].Trim(), UriKind.Absolute, out var url))
            {
                Address.Port = url.Port;
                return;
            }

            if (port != 0 && Accepts(port))
            {
                Address.Port = port;
                return;
            }
        }

        throw new InvalidOperationException($"{string.Join(' ', command)} did not start:\n{Output}");
    }

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
