using System.Diagnostics;
using System.Text;

namespace Commands;

/// <summary>A program that a stranger would have at hand. When it is missing, the test fails and says how to install it.</summary>
internal sealed class Tool : IAsyncDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private readonly Process _process;
    private readonly StringBuilder _output = new();

    private Tool(Process process) => _process = process;

    /// <summary>What it has written to its standard output so far.</summary>
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

    /// <summary>Stops the test when a program is not there.</summary>
    public static void Require(string program, string package)
    {
        var folders = (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':');
        if (!folders.Any(folder => File.Exists(Path.Combine(folder, program))))
        {
            Assert.Fail($"{program} is missing: apt-get install -y {package}");
        }
    }

    /// <summary>Runs a command to its end and returns its standard output; it has to exit with 0.</summary>
    public static async Task<string> RunAsync(string directory, params string[] command)
    {
        using var process = Start(directory, command);
        var output = process.StandardOutput.ReadToEndAsync();
        var errors = process.StandardError.ReadToEndAsync();
        await process.WaitForExitAsync().WaitAsync(Patience);
        Assert.True(process.ExitCode == 0, $"{command[0]} exited with {process.ExitCode}: {await errors}{await output}");
        return await output;
    }

    /// <summary>Runs a line as a shell does.</summary>
    public static Task<string> ShellAsync(string directory, string line) => RunAsync(directory, "bash", "-c", line);

    /// <summary>Starts a command that goes on until it is disposed of.</summary>
    public static Tool Follow(string directory, params string[] command)
    {
        var tool = new Tool(Start(directory, command));
        tool._process.OutputDataReceived += tool.OnOutput;
        tool._process.ErrorDataReceived += tool.OnOutput;
        tool._process.BeginOutputReadLine();
        tool._process.BeginErrorReadLine();
        return tool;
    }

    public async ValueTask DisposeAsync()
    {
        _process.Kill();
        await _process.WaitForExitAsync().WaitAsync(Patience);
        _process.Dispose();
    }

    private static Process Start(string directory, string[] command) => Process.Start(new ProcessStartInfo(command[0], command[1..])
    {
        WorkingDirectory = directory,
        RedirectStandardOutput = true,
        RedirectStandardError = true,
    })!;

    private void OnOutput(object sender, DataReceivedEventArgs line)
    {
        lock (_output)
        {
            _output.AppendLine(line.Data);
        }
    }
}
