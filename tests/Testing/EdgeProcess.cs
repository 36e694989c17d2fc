using System.Diagnostics;
using System.Text;

namespace Testing;

/// <summary>The program as users run it: a process with arguments, an output and signals.</summary>
public sealed class EdgeProcess : IAsyncDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    // Tests run in parallel, and the default port of STUN can be bound only once.
    private static readonly string[] StunAnywhere = ["--Relay:Stun:Port=0"];

    private readonly Process _process;
    private readonly StringBuilder _output = new();
    private readonly TaskCompletionSource _started = new(TaskCreationOptions.RunContinuationsAsynchronously);

    private EdgeProcess(Process process) => _process = process;

    /// <summary>Everything it has printed.</summary>
    public string Output
    {
        get
        {
            lock (_output)
            {
                return _output.ToString();
            }
        }
    }

    public int Id => _process.Id;

    /// <summary>
    /// Starts the assembly <c>Edge.dll</c> beside the tests. Returns once it has printed its last start line, or has ended.
    /// Its home directory is <see cref="EmptyHome"/>, unless the environment names one.
    /// </summary>
    public static Task<EdgeProcess> StartAsync(string workingDirectory, params string[] args) =>
        StartAsync(workingDirectory, new Dictionary<string, string>(), args);

    /// <summary>The same with environment variables of its own beside those of the tests.</summary>
    public static Task<EdgeProcess> StartAsync(
        string workingDirectory, IReadOnlyDictionary<string, string> environment, params string[] args) =>
        StartCommandAsync(
            workingDirectory,
            new Dictionary<string, string>(environment) { ["HOME"] = environment.GetValueOrDefault("HOME", EmptyHome.Path) },
            Patience,
            ["dotnet", Path.Combine(AppContext.BaseDirectory, "Edge.dll"), .. args, .. args is ["healthcheck", ..] ? [] : StunAnywhere]);

    /// <summary>
    /// Starts any command that ends in a running node. Waits for it in the same way, but no longer than <paramref name="patience"/>.
    /// </summary>
    public static async Task<EdgeProcess> StartCommandAsync(
        string workingDirectory, IReadOnlyDictionary<string, string> environment, TimeSpan patience, params string[] command)
    {
        var start = new ProcessStartInfo(command[0], command[1..])
        {
            WorkingDirectory = workingDirectory,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            RedirectStandardInput = true,
        };
        foreach (var (name, value) in environment)
        {
            start.Environment[name] = value;
        }

        var process = new EdgeProcess(new Process { StartInfo = start, EnableRaisingEvents = true });
        process._process.OutputDataReceived += process.OnOutput;
        process._process.ErrorDataReceived += process.OnOutput;
        process._process.Exited += (_, _) => process._started.TrySetResult();
        process._process.Start();
        process._process.BeginOutputReadLine();
        process._process.BeginErrorReadLine();
        try
        {
            await process._started.Task.WaitAsync(patience);
        }
        catch (TimeoutException)
        {
            await process.DisposeAsync();
            throw new TimeoutException($"Not started within {patience.TotalSeconds} s: {string.Join(' ', command)}\n{process.Output}");
        }

        return process;
    }

    /// <summary>The URL in the first line of the output that begins with <paramref name="label"/>.</summary>
    public Uri UrlOf(string label) => new(Output.Split('\n')
        .First(line => line.TrimStart().StartsWith(label, StringComparison.Ordinal))
        .Split(' ', StringSplitOptions.RemoveEmptyEntries)[1]);

    public async Task SignalAsync(string name)
    {
        using var kill = Process.Start("kill", [$"-{name}", Id.ToString(System.Globalization.CultureInfo.InvariantCulture)]);
        await kill.WaitForExitAsync();
    }

    /// <summary>Waits for the process to end, and returns its exit code.</summary>
    public async Task<int> ExitAsync()
    {
        await _process.WaitForExitAsync().WaitAsync(Patience);
        return _process.ExitCode;
    }

    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited)
        {
            _process.Kill(entireProcessTree: true);
            await ExitAsync();
        }

        _process.Dispose();
    }

    private void OnOutput(object sender, DataReceivedEventArgs line)
    {
        lock (_output)
        {
            _output.AppendLine(line.Data);
        }

        if (line.Data?.TrimStart().StartsWith("stop ", StringComparison.Ordinal) is true)
        {
            _started.TrySetResult();
        }
    }
}
