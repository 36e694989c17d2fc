using ControlPlane.Hosting;
using Relay.Derp;
using Relay.Derp.Client;
using Relay.Derp.Mesh;

namespace Edge.Derp.Mesh;

/// <summary>A running link to one server of the mesh, which reconnects until it is disposed.</summary>
internal sealed partial class RunningLink : IAsyncDisposable
{
    private readonly MeshAddress _address;
    private readonly MeshDialer _dialer;
    private readonly ILogger _logger;
    private readonly CancellationTokenSource _stop = new();
    private readonly DerpMeshLink _link;
    private readonly Task _run;

    // The last logged reason: a peer that is away for hours makes one log line, not one for every attempt.
    private string? _lastReason;
    private bool _accepted;

    public RunningLink(MeshAddress address, DerpServer server, DerpClientHeartbeat heartbeat, TimeProvider time, ILogger logger)
    {
        (_address, _logger) = (address, logger);
        _dialer = new MeshDialer(address, server, time);
        _link = new DerpMeshLink(server, heartbeat, _dialer.ConnectAsync, _ => _dialer.DisposeAsync())
        {
            Accepted = OnAccepted,
            Failed = error => OnDown(error.Message),
            Ended = OnEnded,
        };

        // The first connection must not block the caller.
        _run = Task.Run(() => BackgroundLoop.RunAsync("DerpMesh", _link.RunAsync, time, logger, _stop.Token));
    }

    public MeshLinkStatus Status => new(_address.Text, _link.IsSelf ? "self" : _link.IsUp && _link.Peers > 0 ? "up" : "down", _link.Peers);

    /// <summary>Stops the link and closes its connection.</summary>
    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _run;
        await _dialer.DisposeAsync();
        _stop.Dispose();
    }

    private void OnAccepted()
    {
        (_accepted, _lastReason) = (true, null);
        LogUp(_address.Text);
    }

    private void OnEnded(DerpClientCloseReason reason)
    {
        if (reason is DerpClientCloseReason.Self)
        {
            LogSelf(_address.Text);
        }
        else if (!_stop.IsCancellationRequested)
        {
            OnDown(_accepted ? reason.Label() : $"{reason.Label()}, before the peer accepted the link; do both have the same mesh key?");
        }

        _accepted = false;
    }

    private void OnDown(string why)
    {
        if (_lastReason != why)
        {
            _lastReason = why;
            LogDown(_address.Text, why);
        }
    }

    [LoggerMessage(EventId = 1014, Level = LogLevel.Information, Message = "The mesh link to {Peer} is up")]
    private partial void LogUp(string peer);

    [LoggerMessage(EventId = 1015, Level = LogLevel.Warning, Message = "The mesh link to {Peer} is down: {Why}")]
    private partial void LogDown(string peer, string why);

    [LoggerMessage(EventId = 1016, Level = LogLevel.Information, Message = "The mesh peer {Peer} is this server itself")]
    private partial void LogSelf(string peer);
}
