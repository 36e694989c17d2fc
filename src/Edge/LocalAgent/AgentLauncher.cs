using System.ComponentModel;
using System.Diagnostics;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using ControlPlane.Connections;
using Edge.Settings;
using LocalAgent;

namespace Edge.LocalAgent;

/// <summary>
/// Starts the agent's process when it is needed and does not run. It is this program in a session of its own, which neither the end of
/// this process nor Ctrl-C in its terminal reaches. Several processes may start one at once: the agent's lock admits one of them.
/// </summary>
internal sealed class AgentLauncher(DataDirectory data, LocalAgentSettings settings, TimeProvider time) : IDisposable
{
    // The requests of this time after a failed start fail without another start.
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan Poll = TimeSpan.FromMilliseconds(25);
    private static readonly TimeSpan RelaunchAfter = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);
    private const long MaxLogBytes = 1024 * 1024;

    private readonly SemaphoreSlim _starting = new(1, 1);
    private long? _failedAt;

    /// <summary>Returns when the agent listens.</summary>
    /// <exception cref="AgentConnectionException">The agent could not be started.</exception>
    public async Task EnsureAsync(CancellationToken cancellation)
    {
        if (await ListensAsync(cancellation))
        {
            return;
        }

        await _starting.WaitAsync(cancellation);
        try
        {
            if (await ListensAsync(cancellation))
            {
                return;
            }

            if (_failedAt is { } failedAt && time.GetElapsedTime(failedAt) < Pause)
            {
                throw NotStarted();
            }

            await StartAsync(cancellation);
        }
        finally
        {
            _starting.Release();
        }
    }

    public void Dispose() => _starting.Dispose();

    private AgentConnectionException NotStarted() => new($"the local agent does not start; {data.AgentLog} says why");

    private async Task StartAsync(CancellationToken cancellation)
    {
        var begun = time.GetTimestamp();
        try
        {
            do
            {
                // The start is repeated because an agent that is ending may still hold the lock. A start that is only slow holds it too,
                // so the repeated one ends at once.
                await LaunchAsync();
                var launched = time.GetTimestamp();
                while (time.GetElapsedTime(launched) < RelaunchAfter)
                {
                    if (await ListensAsync(cancellation))
                    {
                        _failedAt = null;
                        return;
                    }

                    await Task.Delay(Poll, time, cancellation);
                }
            }
            while (time.GetElapsedTime(begun) < Patience);
            throw NotStarted();
        }
        catch (Exception exception)
            when (exception is Win32Exception or IOException or UnauthorizedAccessException or AgentConnectionException)
        {
            _failedAt = time.GetTimestamp();
            throw exception as AgentConnectionException
                ?? new AgentConnectionException($"the local agent does not start: {exception.Message}", exception);
        }
    }

    private async Task LaunchAsync()
    {
        PrepareLog();
        var start = new ProcessStartInfo(
            "setsid",
            [
                "-f", "/bin/sh", "-c", "exec \"$@\" </dev/null >>\"$0\" 2>&1", data.AgentLog,
                .. Program(), "agent", $"--Edge:DataDirectory={data.Path}", .. settings.ToArguments(),
            ])
        {
            WorkingDirectory = "/",
        };
        ChildEnvironment.ApplyTo(start.Environment);

        // This process may have found the runtime by a variable that the child does not get.
        start.Environment["DOTNET_ROOT"] = Path.GetDirectoryName(Muxer());
        using var process = Process.Start(start)!;
        await process.WaitForExitAsync(CancellationToken.None);
    }

    private void PrepareLog()
    {
        if (new FileInfo(data.AgentLog) is { Exists: true, Length: > MaxLogBytes })
        {
            File.Delete(data.AgentLog);
        }

        using (new FileStream(data.AgentLog, new FileStreamOptions
        {
            Mode = FileMode.OpenOrCreate,
            Access = FileAccess.Write,
            Share = FileShare.ReadWrite,
            UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite,
        }))
        {
        }
    }

    // In a test's process the executable is another one, and dotnet runs Edge.dll.
    private static string[] Program() => Environment.ProcessPath is { } self && Path.GetFileName(self) == "Edge"
        ? [self]
        : [Muxer(), Path.Combine(AppContext.BaseDirectory, "Edge.dll")];

    private static string Muxer() =>
        Path.GetFullPath(Path.Combine(RuntimeEnvironment.GetRuntimeDirectory(), "..", "..", "..", "dotnet"));

    private async Task<bool> ListensAsync(CancellationToken cancellation)
    {
        using var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            await socket.ConnectAsync(new UnixDomainSocketEndPoint(data.AgentSocket), cancellation);
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }
}
