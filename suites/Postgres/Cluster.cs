using System.Diagnostics;
using System.Globalization;

[assembly: AssemblyFixture(typeof(ControlPlane.Tests.Cluster))]

namespace ControlPlane.Tests;

/// <summary>
/// A PostgreSQL server for these tests alone. Its data and its Unix socket are in a temporary folder, which is deleted at the end.
/// </summary>
public sealed class Cluster : IAsyncLifetime
{
    private const string User = "edge";

    // PostgreSQL refuses to run as root. The user nobody owns no other files.
    private const string Unprivileged = "nobody";

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private readonly string _directory = Directory.CreateTempSubdirectory("pg-").FullName;
    private readonly string _programs = Programs();

    /// <summary>The socket of the server, for whoever forwards connections to it.</summary>
    public static string SocketPath { get; private set; } = "";

    public async ValueTask InitializeAsync()
    {
        if (Environment.IsPrivilegedProcess)
        {
            await RunAsync("chown", Unprivileged, _directory);
        }

        var data = Path.Combine(_directory, "data");
        await RunAsUserAsync("initdb", "-D", data, "-U", User, "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync");

        // Durability is not under test here, and fsync is slow.
        var settings = $"-c listen_addresses= -c unix_socket_directories={_directory} -c fsync=off -c full_page_writes=off -c "
            + "max_connections=300 -c shared_buffers=64MB";
        await RunAsUserAsync("pg_ctl", "-D", data, "-l", Path.Combine(_directory, "log"), "-w", "-o", settings, "start");
        SocketPath = Path.Combine(_directory, ".s.PGSQL.5432");
        TestDatabase.Server = $"Host={_directory};Database=postgres;Username={User};Maximum Pool Size=8;Connection Idle "
            + "Lifetime=5;Connection Pruning Interval=1";
    }

    public async ValueTask DisposeAsync()
    {
        await RunAsUserAsync("pg_ctl", "-D", Path.Combine(_directory, "data"), "-m", "immediate", "-w", "stop");
        Directory.Delete(_directory, recursive: true);
    }

    /// <summary>Where Debian puts the newest one.</summary>
    private static string Programs() =>
        (Directory.Exists("/usr/lib/postgresql") ? Directory.GetDirectories("/usr/lib/postgresql") : [])
            .OrderByDescending(
                static folder => int.TryParse(Path.GetFileName(folder), CultureInfo.InvariantCulture, out var version) ? version : 0)
            .Select(static folder => Path.Combine(folder, "bin"))
            .FirstOrDefault(static folder => File.Exists(Path.Combine(folder, "initdb")))
            ?? throw new InvalidOperationException("PostgreSQL is missing: suites/Postgres/install.sh");

    private Task RunAsUserAsync(string program, params string[] arguments)
    {
        var path = Path.Combine(_programs, program);
        return Environment.IsPrivilegedProcess
            ? RunAsync("setpriv", [$"--reuid={Unprivileged}", "--regid=nogroup", "--clear-groups", path, .. arguments])
            : RunAsync(path, arguments);
    }

    private async Task RunAsync(string program, params string[] arguments)
    {
        // To a file: the server that pg_ctl starts keeps what it inherits open.
        var output = Path.Combine(_directory, Path.GetRandomFileName());
        using var process = Process.Start(new ProcessStartInfo("sh", ["-c", "exec \"$0\" \"$@\" >\"$OUTPUT\" 2>&1", program, .. arguments])
        {
            WorkingDirectory = _directory,
            Environment = { ["OUTPUT"] = output },
        })!;
        await process.WaitForExitAsync().WaitAsync(Patience);
        if (process.ExitCode != 0)
        {
            throw new InvalidOperationException($"{program} exited with {process.ExitCode}: {await File.ReadAllTextAsync(output)}");
        }
    }
}
