namespace Peers;

/// <summary>
/// A relay as a process, which can be killed and started again at its address. Its lanes have 16 packets: what an agent sends at once is
/// more.
/// </summary>
internal sealed class RelayServer(int region) : IAsyncDisposable
{
    private readonly TemporaryDirectory _directory = new();
    private readonly int _port = Ports.Free();
    private EdgeProcess? _process;

    /// <summary>The settings that put the relay into the map of an API server, as a region of its own.</summary>
    public string[] Settings
    {
        get
        {
            var setting = $"--ControlPlane:DerpMap:Regions:{region}";
            return
            [
                $"{setting}:Id={region}", $"{setting}:Nodes:0:HostName=127.0.0.1", $"{setting}:Nodes:0:DerpPort={_port}",
                $"{setting}:Nodes:0:ForceHttp=true", $"{setting}:Nodes:0:StunPort=off",
            ];
        }
    }

    public async Task StartAsync()
    {
        _process = await EdgeProcess.StartAsync(
            _directory.Path,
            "--urls", $"http://127.0.0.1:{_port}", "--Edge:Admin:Url=http://127.0.0.1:0", "--Edge:Mode=relay",
            "--Relay:Stun:Enabled=false", "--Relay:Derp:QueueDepth=16");
        Assert.Contains("  stop ", _process.Output, StringComparison.Ordinal);
    }

    /// <summary>Kills the process.</summary>
    public async Task StopAsync()
    {
        if (_process is { } process)
        {
            _process = null;
            await process.DisposeAsync();
        }
    }

    public async ValueTask DisposeAsync()
    {
        await StopAsync();
        _directory.Dispose();
    }
}
