using System.ComponentModel;
using System.Diagnostics;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using ControlPlane.Connections;
using Edge.Settings;

namespace Edge.LocalAgent;

/// <summary>
/// Starts the agent's process when it is needed and is not there: this program again, in a session of its own, so that neither the end of this
/// process nor its terminal's Ctrl-C reaches it. Several processes may try at once; the agent's lock lets one of them have its way.
/// </summary>
internal sealed class AgentLauncher(DataDirectory data, LocalAgentSettings settings, TimeProvider time) : IDisposable
{
    // A failing start is not tried again for every request.
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan Poll = TimeSpan.FromMilliseconds(25);
    private static readonly TimeSpan RelaunchAfter = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);
    private const long MaxLogBytes = 1024 * 1024;

    private readonly SemaphoreSlim _starting = new(1, 1);
    private long? _failedAt;

    /// <summary>Returns once the agent listens.</summary>
    /// <exception cref="AgentConnectionException">It could not be started.</exception>
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
                // Again, should the lock still be held by one that is ending; a start that is only slow keeps the others out.
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
        catch (Exception exception) when (exception is Win32Exception or IOException or UnauthorizedAccessException or AgentConnectionException)
        {
            _failedAt = time.GetTimestamp();
            throw exception as AgentConnectionException ?? new AgentConnectionException($"the local agent does not start: {exception.Message}", exception);
        }
    }

    private async Task LaunchAsync()
    {
        PrepareLog();
        var start = new ProcessStartInfo(
            "setsid",
            ["-f", "/bin/sh", "-c", "exec \"$@\" </dev/null >>\"$0\" 2>&1", data.AgentLog, .. Program(), "agent", $"--Edge:DataDirectory={data.Path}", .. settings.ToArguments()])
        {
            WorkingDirectory = "/",
        };
        ChildEnvironment.ApplyTo(start.Environment);

        // The runtime may be where only this process was told.
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

    // As an executable of its own, or by dotnet, as in a test's process.
    private static string[] Program() =>
        Environment.ProcessPath is { } self && Path.GetFileName(self) == "Edge" ? [self] : [Muxer(), Path.Combine(AppContext.BaseDirectory, "Edge.dll")];

    private static string Muxer() => Path.GetFullPath(Path.Combine(RuntimeEnvironment.GetRuntimeDirectory(), "..", "..", "..", "dotnet"));

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
