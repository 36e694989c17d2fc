using System.ComponentModel;
using System.Diagnostics;

namespace Edge.LocalAgent.Terminals;

/// <summary>
/// The shell of a terminal. No fork happens in this process: <c>setsid</c> makes a session without a terminal, in it a small script opens the
/// pseudo-terminal, which so becomes the session's controlling one, and gives its place to the shell.
/// </summary>
internal sealed class TerminalProcess : IDisposable
{
    // UTF-8 makes the line editing of the kernel erase whole characters. What this process ignores (a broken pipe always, and Ctrl-C and the
    // hang-up where it was started with nohup or in the background of a script), its children ignore too, and a shell cannot change that for
    // itself; env of coreutils 8.31 and later can. A system without either does without.
    private const string Script =
        """
        exec 0<>"$1" 1>&0 2>&0; shift; stty iutf8 2>/dev/null
        env --default-signal true 2>/dev/null && set -- env --default-signal "$@"
        exec "$@"
        """;

    private readonly Process _process;

    private TerminalProcess(Process process)
    {
        _process = process;
        Ended = process.WaitForExitAsync();
    }

    /// <summary>Completes when the shell has ended.</summary>
    public Task Ended { get; }

    /// <summary>Starts the user's login shell, or <paramref name="command"/> in the user's shell, on the pseudo-terminal's other side.</summary>
    /// <exception cref="Win32Exception">There is no <c>setsid</c> (util-linux), or no room for a process.</exception>
    public static TerminalProcess Start(string slavePath, UserShell shell, string command)
    {
        string[] wanted = command.Length == 0 ? ["-l"] : ["-c", command];
        var start = new ProcessStartInfo("setsid", ["/bin/sh", "-c", Script, "sh", slavePath, shell.Path, .. wanted])
        {
            WorkingDirectory = Directory.Exists(shell.Home) ? shell.Home : "/",

            // Not this process's own, which may be a terminal too.
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        ChildEnvironment.ApplyTo(start.Environment);
        TerminalLocale.ApplyTo(start.Environment);
        start.Environment["TERM"] = "xterm-256color";
        start.Environment["SHELL"] = shell.Path;
        start.Environment["HOME"] = shell.Home;
        var process = Process.Start(start)!;
        process.StandardInput.Close();
        process.StandardOutput.Close();
        process.StandardError.Close();
        return new TerminalProcess(process);
    }

    /// <summary>Ends the shell and what shares its process group: a hang-up, and after the grace a kill.</summary>
    public async Task EndAsync(TimeSpan grace, TimeProvider time)
    {
        if (!Ended.IsCompleted)
        {
            // It leads its group. Its number cannot be another's before it was waited for, which is what Ended tells.
            _ = Native.Signal(-_process.Id, Native.HangUp);
            _ = Native.Signal(-_process.Id, Native.Continue);
            try
            {
                await Ended.WaitAsync(grace, time);
            }
            catch (TimeoutException)
            {
                _ = Native.Signal(-_process.Id, Native.Kill);
                await Ended;
            }
        }

        Dispose();
    }

    public void Dispose() => _process.Dispose();
}
