using System.Text;

namespace Edge.Settings;

/// <summary>The directory of the process's files. Only its owner has access.</summary>
internal sealed class DataDirectory
{
    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;

    private const UnixFileMode OwnerFile = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    // sun_path holds 108 bytes with its terminating NUL (unix(7)).
    private const int LongestSocketPath = 107;

    /// <summary>The file with the hash of the admin token. Every data directory has it.</summary>
    public const string AdminTokenFile = "admin-token.sha256";

    private DataDirectory(string path) => Path = path;

    /// <summary>The absolute path.</summary>
    public string Path { get; }

    /// <summary>The embedded API server's socket.</summary>
    public string ApiSocket => File("api.sock");

    /// <summary>The local agent's socket.</summary>
    public string AgentSocket => File("agent.sock");

    /// <summary>The output of an agent that was started on demand.</summary>
    public string AgentLog => File("agent.log");

    /// <summary>The credentials of the first start.</summary>
    public string BootstrapFile => File("bootstrap.json");

    /// <summary>Creates the directory (0700), or takes away other users' access to an existing one.</summary>
    public static DataDirectory Open(string path)
    {
        try
        {
            Directory.CreateDirectory(path, OwnerOnly);
            if (System.IO.File.GetUnixFileMode(path) != OwnerOnly)
            {
                // An operator may name a home directory or /tmp by mistake. Other users must not lose access to that.
                var isOurs = System.IO.File.Exists(System.IO.Path.Combine(path, AdminTokenFile));
                if (!isOurs && Directory.EnumerateFileSystemEntries(path).Any())
                {
                    throw new SettingsException(
                        "Edge:DataDirectory",
                        path,
                        "the directory has other files, and other users have access; name a new directory, or close this one (chmod 0700)");
                }

                System.IO.File.SetUnixFileMode(path, OwnerOnly);
            }

            // The secrets must not get into a repository in which the directory may be.
            System.IO.File.WriteAllText(System.IO.Path.Combine(path, ".gitignore"), "*\n");
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new SettingsException("Edge:DataDirectory", path, $"the path must be a directory that this user owns ({error.Message})");
        }

        return new DataDirectory(path);
    }

    /// <summary>The path of a file in the directory.</summary>
    public string File(string name) => System.IO.Path.Combine(Path, name);

    /// <summary>Checks that the path of a socket in this directory is not longer than the kernel allows.</summary>
    public void CheckSocketPath(string socket)
    {
        if (Encoding.UTF8.GetByteCount(socket) > LongestSocketPath)
        {
            throw new SettingsException(
                "Edge:DataDirectory",
                Path,
                $"the socket {socket} is longer than the {LongestSocketPath} bytes that Unix sockets allow; choose a shorter directory");
        }
    }

    /// <summary>
    /// Reserves the API server's socket for this process until disposed, and removes the socket of a process that has
    /// died.
    /// </summary>
    public IDisposable ClaimApiSocket()
    {
        CheckSocketPath(ApiSocket);
        return TryClaim(ApiSocket)
            ?? throw new SettingsException(
                "Edge:DataDirectory",
                Path,
                "another process runs its embedded API server in this directory; use a directory for each process");
    }

    /// <summary>Reserves the local agent's socket; null when another process has reserved it.</summary>
    public IDisposable? TryClaimAgentSocket()
    {
        CheckSocketPath(AgentSocket);
        return TryClaim(AgentSocket);
    }

    /// <summary>The error for a file in this directory that cannot be read or written.</summary>
    public SettingsException Unusable(string name, string use, Exception error) =>
        new("Edge:DataDirectory", Path, $"{File(name)} cannot be {use} ({error.Message})");

    /// <summary>Replaces a file's content atomically. Only the owner can read the file.</summary>
    /// <exception cref="SettingsException">The file cannot be written, for instance because the disk is full.</exception>
    public async Task WriteAsync(string name, ReadOnlyMemory<byte> content, CancellationToken cancellation)
    {
        var temporary = File($"{name}.{Environment.ProcessId}.tmp");
        var options = new FileStreamOptions { Mode = FileMode.Create, Access = FileAccess.Write, UnixCreateMode = OwnerFile };
        try
        {
            await using (var stream = new FileStream(temporary, options))
            {
                await stream.WriteAsync(content, cancellation);
                stream.Flush(flushToDisk: true);
            }

            System.IO.File.Move(temporary, File(name), overwrite: true);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            System.IO.File.Delete(temporary);
            throw Unusable(name, "written", error);
        }
    }

    private FileStream? TryClaim(string socket)
    {
        FileStream claim;
        try
        {
            claim = new FileStream(socket + ".lock", FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
        }
        catch (IOException)
        {
            return null;
        }
        catch (UnauthorizedAccessException error)
        {
            throw Unusable(System.IO.Path.GetFileName(socket) + ".lock", "opened", error);
        }

        try
        {
            System.IO.File.Delete(socket);
            return claim;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            claim.Dispose();
            throw Unusable(System.IO.Path.GetFileName(socket), "removed", error);
        }
    }
}
