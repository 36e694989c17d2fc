using Edge.Files;
using Edge.Settings;
using Relay.Derp;
using Relay.Derp.Client;
using Relay.Derp.Wire;

namespace Edge.Derp.Mesh;

/// <summary>The links to the other servers of the mesh, and the shared key, which is read again when its file changes.</summary>
internal sealed partial class DerpMesh : IAsyncDisposable
{
    private readonly DerpServer _server;
    private readonly DerpMeshSettings _settings;
    private readonly TimeProvider _time;
    private readonly ILogger<DerpMesh> _logger;
    private readonly Lock _lock = new();
    private readonly List<Task> _ending = [];
    private readonly DerpClientHeartbeat _heartbeat;
    private RunningLink[] _links = [];
    private readonly FileWatch? _watch;
    private bool _isStarted;
    private bool _isStopped;

    /// <exception cref="SettingsException">The key file cannot be used.</exception>
    public DerpMesh(DerpServer server, DerpSettings settings, TimeProvider time, ILogger<DerpMesh> logger)
    {
        (_server, _settings, _time, _logger) = (server, settings.Mesh, time, logger);
        _heartbeat = new DerpClientHeartbeat(time, logger);
        if (_settings.KeyFile is { } file)
        {
            _watch = new FileWatch(file, time, ReloadKey);
            server.MeshKey = MeshKeyFile.Read(file);
        }
    }

    public IReadOnlyList<MeshLinkStatus> Links
    {
        get
        {
            lock (_lock)
            {
                return [.. _links.Select(static link => link.Status)];
            }
        }
    }

    /// <summary>Opens the links.</summary>
    public void Start()
    {
        lock (_lock)
        {
            _isStarted = true;
            Open();
        }
    }

    /// <summary>Closes the links.</summary>
    public async Task StopAsync()
    {
        Task[] ending;
        lock (_lock)
        {
            _isStopped = true;
            End();
            ending = [.. _ending];
        }

        await Task.WhenAll(ending);
    }

    public async ValueTask DisposeAsync()
    {
        _watch?.Dispose();
        await StopAsync();
        _heartbeat.Dispose();
    }

    private void ReloadKey()
    {
        MeshKey key;
        try
        {
            key = MeshKeyFile.Read(_settings.KeyFile!);
        }
        catch (SettingsException error)
        {
            LogReloadFailed(error.Message);
            return;
        }

        if (_server.MeshKey is { } old && old.IsSame(key))
        {
            return;
        }

        // Others may know the old key by now, so peers that used it have to reconnect with the new one.
        _server.MeshKey = key;
        var closed = _server.CloseMeshPeers();
        LogReplaced(closed);
        lock (_lock)
        {
            End();
            Open();
        }
    }

    private void Open()
    {
        if (_isStarted && !_isStopped)
        {
            _links = [.. _settings.With.Select(peer => new RunningLink(peer, _server, _heartbeat, _time, _logger))];
        }
    }

    private void End()
    {
        _ending.RemoveAll(static task => task.IsCompleted);
        _ending.AddRange(_links.Select(static link => link.DisposeAsync().AsTask()));
        _links = [];
    }

    [LoggerMessage(
        EventId = 1012, Level = LogLevel.Information,
        Message = "The mesh key was read again; {Closed} connections of mesh peers were closed, and the links reconnect")]
    private partial void LogReplaced(int closed);

    [LoggerMessage(
        EventId = 1013, Level = LogLevel.Error,
        Message = "The mesh key's file has changed but cannot be used; the old key stays in force: {Why}")]
    private partial void LogReloadFailed(string why);
}
