using System.Diagnostics;
using System.Text;

namespace Testing;

/// <summary>The program as users run it: a process with arguments, an output and signals.</summary>
public sealed class EdgeProcess : IAsyncDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

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

    /// <summary>Starts the assembly <c>Edge.dll</c> beside the tests; returns once it has printed its last start line, or has ended.</summary>
    public static async Task<EdgeProcess> StartAsync(string workingDirectory, params string[] args)
    {
        var start = new ProcessStartInfo("dotnet")
        {
            WorkingDirectory = workingDirectory,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            RedirectStandardInput = true,
        };
        start.ArgumentList.Add(Path.Combine(AppContext.BaseDirectory, "Edge.dll"));
        foreach (var arg in args)
        {
            start.ArgumentList.Add(arg);
        }

        var process = new EdgeProcess(new Process { StartInfo = start, EnableRaisingEvents = true });
        process._process.OutputDataReceived += process.OnOutput;
        process._process.ErrorDataReceived += process.OnOutput;
        process._process.Exited += (_, _) => process._started.TrySetResult();
        process._process.Start();
        process._process.BeginOutputReadLine();
        process._process.BeginErrorReadLine();
        await process._started.Task.WaitAsync(Patience);
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
