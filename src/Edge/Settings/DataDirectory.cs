using System.Text;

namespace Edge.Settings;

/// <summary>The directory of everything the process keeps: only its owner can enter it.</summary>
internal sealed class DataDirectory
{
    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;

    private const UnixFileMode OwnerFile = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    // sun_path holds 108 bytes with its terminating NUL (unix(7)).
    private const int LongestSocketPath = 107;

    /// <summary>The admin token's hash; every data directory has one.</summary>
    public const string AdminTokenFile = "admin-token.sha256";

    private DataDirectory(string path) => Path = path;

    /// <summary>Its absolute path.</summary>
    public string Path { get; }

    /// <summary>The embedded API server's socket.</summary>
    public string ApiSocket => File("api.sock");

    /// <summary>The local agent's socket.</summary>
    public string AgentSocket => File("agent.sock");

    /// <summary>What an agent that was started on demand prints.</summary>
    public string AgentLog => File("agent.log");

    /// <summary>Where the first start leaves its credentials.</summary>
    public string BootstrapFile => File("bootstrap.json");

    /// <summary>Makes the directory (0700) when it is not there, and closes it to others when it is.</summary>
    public static DataDirectory Open(string path)
    {
        try
        {
            Directory.CreateDirectory(path, OwnerOnly);
            if (System.IO.File.GetUnixFileMode(path) != OwnerOnly)
            {
                // Somebody's home or /tmp, named by mistake, must not be closed to everyone else.
                if (Directory.EnumerateFileSystemEntries(path).Any() && !System.IO.File.Exists(System.IO.Path.Combine(path, AdminTokenFile)))
                {
                    throw new SettingsException(
                        "Edge:DataDirectory", path, "it holds something else and others can enter it; name a new directory, or close this one (chmod 0700)");
                }

                System.IO.File.SetUnixFileMode(path, OwnerOnly);
            }

            // Wherever it is made, its secrets stay out of a repository.
            System.IO.File.WriteAllText(System.IO.Path.Combine(path, ".gitignore"), "*\n");
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new SettingsException("Edge:DataDirectory", path, $"it must be a directory that this user owns ({error.Message})");
        }

        return new DataDirectory(path);
    }

    /// <summary>The path of a file in the directory.</summary>
    public string File(string name) => System.IO.Path.Combine(Path, name);

    /// <summary>Stops the start when a socket in this directory would have a longer name than the kernel takes.</summary>
    public void CheckSocketPath(string socket)
    {
        if (Encoding.UTF8.GetByteCount(socket) > LongestSocketPath)
        {
            throw new SettingsException(
                "Edge:DataDirectory",
                Path,
                $"the socket {socket} would be longer than the {LongestSocketPath} bytes that Unix sockets allow; choose a shorter directory");
        }
    }

    /// <summary>
    /// Holds the API server's socket for this process until disposed, and removes one that a dead process left.
    /// </summary>
    public IDisposable ClaimApiSocket()
    {
        CheckSocketPath(ApiSocket);
        return TryClaim(ApiSocket)
            ?? throw new SettingsException("Edge:DataDirectory", Path, "another process runs its embedded API server here; give each its own directory");
    }

    /// <summary>The same for the local agent's socket; null when another process holds it.</summary>
    public IDisposable? TryClaimAgentSocket()
    {
        CheckSocketPath(AgentSocket);
        return TryClaim(AgentSocket);
    }

    /// <summary>The error for a file in this directory that cannot be read or written.</summary>
    public SettingsException Unusable(string name, string use, Exception error) =>
        new("Edge:DataDirectory", Path, $"{File(name)} cannot be {use} ({error.Message})");

    /// <summary>Replaces a file's content in one step; only the owner can read it.</summary>
    /// <exception cref="SettingsException">The file cannot be written, as on a full disk.</exception>
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
