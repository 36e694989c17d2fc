using System.ComponentModel;
using System.Diagnostics;

namespace LocalAgent.Terminals;

/// <summary>
/// The shell of a terminal. <c>setsid</c> creates a session without a terminal. A script in it opens the pseudo-terminal, which
/// becomes the controlling terminal of the session, and then executes the shell. So this process does not have to call fork.
/// </summary>
internal sealed class TerminalProcess : IDisposable
{
    // iutf8 makes the line editing of the kernel erase whole characters. --default-signal resets ignored signals, which a child inherits
    // and a shell cannot reset: SIGPIPE always, SIGINT and SIGHUP if this process was started with nohup or in the background of a
    // script. It needs env of coreutils 8.31. On a system without stty or this env, the shell runs without the setting.
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

    /// <summary>Completes when the shell's process has ended.</summary>
    public Task Ended { get; }

    /// <summary>
    /// Starts the user's login shell, or <paramref name="command"/> in the user's shell, on the slave side of the pseudo-terminal.
    /// </summary>
    /// <exception cref="Win32Exception"><c>setsid</c> (util-linux) is not installed, or the limit of processes is reached.</exception>
    public static TerminalProcess Start(string slavePath, UserShell shell, string command)
    {
        string[] wanted = command.Length == 0 ? ["-l"] : ["-c", command];
        var start = new ProcessStartInfo("setsid", ["/bin/sh", "-c", Script, "sh", slavePath, shell.Path, .. wanted])
        {
            WorkingDirectory = Directory.Exists(shell.Home) ? shell.Home : "/",

            // The standard streams of this process may be a terminal, which the script must not inherit.
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

    /// <summary>Ends the shell and its process group: SIGHUP, and SIGKILL after <paramref name="grace"/>.</summary>
    public async Task EndAsync(TimeSpan grace, TimeProvider time)
    {
        if (!Ended.IsCompleted)
        {
            // The shell leads its process group. The kernel does not reuse its id before it was waited for, which completes Ended.
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
