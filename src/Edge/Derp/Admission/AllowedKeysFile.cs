using System.Collections.Frozen;
using System.Text;
using Edge.Files;
using Edge.Settings;
using Relay.Derp.Wire;

namespace Edge.Derp.Admission;

/// <summary>
/// The keys of <c>Relay:Derp:AllowedKeysFile</c>, which are read again when the file changes. After a change to a malformed list
/// the old keys stay in force.
/// </summary>
internal sealed partial class AllowedKeysFile
{
    /// <summary>The interval of <see cref="Refresh"/>.</summary>
    public static readonly TimeSpan RefreshInterval = TimeSpan.FromSeconds(1);

    // About 200,000 keys.
    private const int MaxBytes = 16 << 20;

    private readonly string _path;
    private readonly ILogger _logger;
    private FrozenSet<NodeKey> _keys;
    private FileStamp _read;
    private FileStamp _seen;
    private FileStamp? _failed;

    /// <param name="path">The file.</param>
    /// <param name="logger">Reports changes of the file.</param>
    /// <exception cref="SettingsException">The file cannot be read or is malformed.</exception>
    public AllowedKeysFile(string path, ILogger logger)
    {
        (_path, _logger) = (path, logger);
        try
        {
            _seen = _read = FileStamp.Of(path);
            _keys = Load();
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException or InvalidDataException or NotSupportedException)
        {
            throw new SettingsException(DerpAdmissionSettings.FileName, path, error.Message);
        }
    }

    /// <summary>Whether a key is in the list.</summary>
    public bool Allows(NodeKey key) => Volatile.Read(ref _keys).Contains(key);

    /// <summary>Reads the file again when it has changed. Not thread-safe.</summary>
    /// <returns>Whether there are new keys.</returns>
    public bool Refresh()
    {
        var stamp = FileStamp.Of(_path);
        if (stamp == _read)
        {
            return false;
        }

        // The writer may not have finished, and a part of a list is a well-formed list that would close connections. So the file is read
        // only when it is the same as one interval before.
        if (stamp != _seen)
        {
            _seen = stamp;
            return false;
        }

        try
        {
            var keys = Load();
            Volatile.Write(ref _keys, keys);
            _read = stamp;
            _failed = null;
            LogReloaded(_path, keys.Count);
            return true;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException or InvalidDataException or NotSupportedException)
        {
            if (_failed != stamp)
            {
                _failed = stamp;
                LogReloadFailed(_path, error.Message);
            }

            return false;
        }
    }

    private FrozenSet<NodeKey> Load()
    {
        using var stream = new FileStream(_path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete, bufferSize: 0);
        var bytes = new byte[Math.Clamp(stream.Length + 1, 1, MaxBytes + 1)];
        var length = stream.ReadAtLeast(bytes, bytes.Length, throwOnEndOfStream: false);
        if (length == bytes.Length)
        {
            throw new InvalidDataException(
                length > MaxBytes ? $"the list is longer than {MaxBytes >> 20} MiB" : "the file grew while it was read");
        }

        return AllowedKeys.TryParse(Encoding.UTF8.GetString(bytes, 0, length).TrimStart('\uFEFF'), out var keys, out var badLine)
            ? keys
            : throw new InvalidDataException(
                $"line {badLine} is no key; allowed are nodekey: and 64 hex digits, and comments that begin with #");
    }
}
