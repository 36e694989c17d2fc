using System.Collections.Frozen;
using System.Text;
using Edge.Files;
using Edge.Settings;
using Relay.Derp.Wire;

namespace Edge.Derp.Admission;

/// <summary>The keys of <c>Relay:Derp:AllowedKeysFile</c>, read again when the file changes. A file that is no list leaves the old one in force.</summary>
internal sealed partial class AllowedKeysFile
{
    /// <summary>How often the file should be looked at.</summary>
    public static readonly TimeSpan Freshness = TimeSpan.FromSeconds(1);

    // 200,000 keys.
    private const int MaxBytes = 16 << 20;

    private readonly string _path;
    private readonly ILogger _logger;
    private FrozenSet<NodeKey> _keys;
    private FileStamp _read;
    private FileStamp _seen;
    private FileStamp? _complained;

    /// <param name="path">The file.</param>
    /// <param name="logger">Hears of changes.</param>
    /// <exception cref="SettingsException">The file cannot be read, or is no list.</exception>
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

    /// <summary>Looks at the file, and takes it when it has changed and is a list. Not for several callers at once.</summary>
    /// <returns>Whether the list is a new one.</returns>
    public bool Refresh()
    {
        var stamp = FileStamp.Of(_path);
        if (stamp == _read)
        {
            return false;
        }

        // Whoever writes it may be in the middle: half a list is a list too, and would close connections. It is taken once two looks agree.
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
            _complained = null;
            LogReloaded(_path, keys.Count);
            return true;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException or InvalidDataException or NotSupportedException)
        {
            if (_complained != stamp)
            {
                _complained = stamp;
                LogKept(_path, error.Message);
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
            throw new InvalidDataException(length > MaxBytes ? $"the list is longer than {MaxBytes >> 20} MiB" : "it grew while it was read");
        }

        return AllowedKeys.TryParse(Encoding.UTF8.GetString(bytes, 0, length).TrimStart('\uFEFF'), out var keys, out var badLine)
            ? keys
            : throw new InvalidDataException($"line {badLine} is no key; allowed are nodekey: and 64 hex digits, and comments that begin with #");
    }
}
