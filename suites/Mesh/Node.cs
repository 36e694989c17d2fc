using System.Net.Http.Headers;
using System.Text.Json.Nodes;
using EndToEnd;
using Relay.Derp.Wire;

namespace Mesh;

/// <summary>A relay in a process of its own, and its clients in this one.</summary>
internal sealed class Node(string directory, string keyFile) : IAsyncDisposable
{
    private const int AtOnce = 50;
    private static readonly byte[] Info = new ClientInfo(2, null, false, false).ToJson();

    private readonly NodePrivateKey[] _keys = [.. Enumerable.Range(0, MeshTests.Clients).Select(static _ => NodePrivateKey.Generate())];
    private readonly DerpPeer?[] _clients = new DerpPeer?[MeshTests.Clients];
    private readonly List<Task> _receiving = [];
    private readonly HttpClient _admin = new();
    private EdgeProcess? _process;

    /// <summary>Where the others find it, whichever process it is.</summary>
    public TcpDetour Detour { get; } = new();

    /// <summary>What its clients get.</summary>
    public Pair[] Pairs { get; } = [.. Enumerable.Range(0, MeshTests.Clients)
        .Select(static _ => new Pair(new Flow(isDisco: false), new Flow(isDisco: true)))];

    public NodeKey KeyOf(int client) => _keys[client].PublicKey;

    public DerpPeer? Client(int client) => Volatile.Read(ref _clients[client]);

    public async Task StartAsync(IEnumerable<Node> others)
    {
        _process = await EdgeProcess.StartAsync(
            directory,
            [
                "--urls", "http://127.0.0.1:0", "--Edge:Admin:Url=http://127.0.0.1:0", "--Edge:Mode=relay", "--Relay:Stun:Enabled=false",
                "--Edge:Limits:MaxConnectionsPerAddress=0", $"--Relay:Derp:MeshKeyFile={keyFile}",
                .. others.Select(static (other, i) => $"--Relay:Derp:MeshWith:{i}={other.Detour.Url}"),
            ]);
        Detour.Target = _process.UrlOf("public");
    }

    /// <summary>Connects all clients, and has them receive.</summary>
    public async Task ConnectAsync()
    {
        var url = _process!.UrlOf("public");
        foreach (var some in Enumerable.Range(0, MeshTests.Clients).Chunk(AtOnce))
        {
            await Task.WhenAll(some.Select(async i =>
            {
                var peer = await DerpPeer.JoinAsync(url, _keys[i], Info);
                Volatile.Write(ref _clients[i], peer);
                lock (_receiving)
                {
                    _receiving.Add(ReceiveAsync(peer, i));
                }
            }));
        }
    }

    /// <summary>Waits until its links know all clients of the others.</summary>
    public async Task MeshedAsync()
    {
        var address = _process!.UrlOf("admin");
        var token = Bootstrapped.AdminToken(Path.Combine(directory, ".edge", "bootstrap.json"));
        await Eventually.TrueAsync(
            async () =>
            {
                using var request = new HttpRequestMessage(HttpMethod.Get, new Uri(address, "/status"));
                request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", token);
                using var answer = await _admin.SendAsync(request);
                var links = JsonNode.Parse(await answer.Content.ReadAsStringAsync())!["mesh"]!.AsArray();
                return links.Count == 2 && links.All(static link => link!["state"]!.GetValue<string>() == "up"
                    && link["keys"]!.GetValue<int>() == MeshTests.Clients + 2);
            },
            "both links know all clients and both other servers");
    }

    /// <summary>Kills the process, and waits until all clients have noticed.</summary>
    public async Task KillAsync()
    {
        Detour.Target = null;
        await _process!.DisposeAsync();
        await Task.WhenAll(_receiving).WaitAsync(TimeSpan.FromSeconds(60));
        _receiving.Clear();
    }

    public async ValueTask DisposeAsync()
    {
        await (_process?.DisposeAsync() ?? ValueTask.CompletedTask);
        await Task.WhenAll(_receiving).WaitAsync(TimeSpan.FromSeconds(60));
        await Detour.DisposeAsync();
        _admin.Dispose();
    }

    private async Task ReceiveAsync(DerpPeer peer, int client)
    {
        peer.Patience = TimeSpan.FromMinutes(5);
        while (true)
        {
            var (type, payload) = await peer.NextAsync();
            if (type is DerpFrameType.RecvPacket)
            {
                Pairs[client].Arrived(payload.AsSpan(NodeKey.Length));
            }
            else if (type is DerpFrameType.None)
            {
                Volatile.Write(ref _clients[client], null);
                peer.Dispose();
                return;
            }
        }
    }
}
