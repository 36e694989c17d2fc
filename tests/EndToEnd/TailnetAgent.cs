using System.Buffers.Binary;
using System.Collections.Concurrent;
using System.Net;
using Crypto;
using Edge.Derp;
using Google.Protobuf;
using Relay.Derp.Client;
using Relay.Derp.Wire;
using Relay.Streams;
using Tailnet.Messages;
using Tailnet.WireGuard;

namespace EndToEnd;

/// <summary>
/// An agent on the tailnet, with this project's DERP client and WireGuard. It takes part in the coordination, and answers pings inside the
/// tunnel. The suite Peers has agents of other people's code.
/// </summary>
internal sealed class TailnetAgent : IDerpClientHandler, IWireGuardOutput, IAsyncDisposable
{
    private const int PacketHead = 40;
    private const byte Tsmp = 99;

    private readonly Lock _lock = new();
    private readonly CancellationTokenSource _stop = new();
    private readonly DerpClientHeartbeat _heartbeat = new(TimeProvider.System);
    private readonly byte[] _buffer = new byte[WireGuardPeer.BufferLength(WireGuardPeer.Mtu)];
    private readonly WireGuardIdentity _identity;
    private readonly WireGuardNode _node;
    private readonly SocketTransport _socket;
    private readonly DerpClient _derp;
    private readonly TaskCompletionSource _connected = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private WireGuardPeer? _server;
    private NodeKey _serverKey;
    private Task _running = Task.CompletedTask;

    private TailnetAgent(byte[] key, SocketTransport socket)
    {
        _identity = new WireGuardIdentity(key);
        _node = new WireGuardNode(_identity, new WireGuardOptions(), TimeProvider.System);
        _socket = socket;
        _derp = new DerpClient(DerpDialer.TransportOf(socket), NodePrivateKey.FromBytes(key), this, _heartbeat);
    }

    /// <summary>The home region of the API server's node, as the coordinator has sent it; 0 before.</summary>
    public int HomeOfServer { get; private set; }

    /// <summary>Each home region of the node, in order.</summary>
    public ConcurrentQueue<int> HomesOfServer { get; } = [];

    /// <summary>Connects an agent to its home relay and to the API server.</summary>
    public static async Task<TailnetAgent> StartAsync(TestNode api, DerpTarget relay, int home)
    {
        var agent = new TailnetAgent(
            X25519.NewPrivateKey(), await DerpDialer.ConnectAsync(relay, null, TimeProvider.System, CancellationToken.None));
        agent._running = agent.RunAsync(api, home);
        await agent._connected.Task.WaitAsync(TestNode.Patience);
        return agent;
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _running;
        await _socket.DisposeAsync();
        _server?.Dispose();
        _identity.Dispose();
        _heartbeat.Dispose();
        _stop.Dispose();
    }

    void IDerpClientHandler.OnConnected() => _derp.NotePreferred(true);

    void IDerpClientHandler.OnPacket(in NodeKey source, ReadOnlySpan<byte> packet)
    {
        lock (_lock)
        {
            if (_server is not null
                && _server.Receive(packet.ToArray(), out var inner) is DropReason.None
                && inner.Length >= PacketHead + 9 && inner[6] == Tsmp && inner[PacketHead] == 'p')
            {
                Pong(inner);
            }
        }
    }

    void IDerpClientHandler.OnBatchEnd() => _derp.Flush();

    void IDerpClientHandler.OnPeerGone(in NodeKey key, PeerGoneReason reason)
    {
    }

    void IDerpClientHandler.OnHealth(string text)
    {
    }

    void IDerpClientHandler.OnRestarting(TimeSpan reconnectIn, TimeSpan tryFor)
    {
    }

    void IWireGuardOutput.Send(WireGuardPeer peer, ReadOnlySpan<byte> message) => _derp.TrySend(_serverKey, message);

    void IWireGuardOutput.Established(WireGuardPeer peer, HandshakeRole role)
    {
    }

    void IWireGuardOutput.GaveUp(WireGuardPeer peer)
    {
    }

    private async Task RunAsync(TestNode api, int home)
    {
        var file = api.Node.Data.BootstrapFile;
        await using var link = await CoordinationLink.ConnectAsync(
            api, "/api/v2/workspaceagents/me/rpc?version=2.10&role=agent", Bootstrapped.AgentToken(file));
        var relaying = _derp.RunAsync(_stop.Token);
        var id = Bootstrapped.AgentId(file).ToByteArray(bigEndian: true);
        ReadOnlySpan<byte> prefix = [0xfd, 0x7a, 0x11, 0x5c, 0xa1, 0xe0];
        prefix.CopyTo(id);
        await using var call = await link.CoordinateAsync(new CoordinateRequest
        {
            UpdateSelf = new()
            {
                Node = new Node
                {
                    Id = 1,
                    Key = ByteString.CopyFrom([.. "np"u8, .. _identity.PublicKey]),
                    PreferredDerp = home,
                    Addresses = { new IPAddress(id) + "/128" },
                    AllowedIps = { new IPAddress(id) + "/128" },
                },
            },
        });
        _connected.SetResult();
        try
        {
            while (await call.ReceiveAsync(_stop.Token) is { } response)
            {
                foreach (var update in response.PeerUpdates)
                {
                    Learn(update.Node);
                }
            }
        }
        catch (OperationCanceledException)
        {
            await relaying;
        }
    }

    private void Learn(Node? node)
    {
        if (node is null)
        {
            return;
        }

        lock (_lock)
        {
            if (HomeOfServer != node.PreferredDerp)
            {
                HomeOfServer = node.PreferredDerp;
                HomesOfServer.Enqueue(HomeOfServer);
            }

            if (_server is null)
            {
                Assert.True(_node.TryAddPeer(node.Key.Span[2..], this, out _server));
                _serverKey = new NodeKey(node.Key.Span[2..]);
            }
        }
    }

    private void Pong(ReadOnlySpan<byte> ping)
    {
        var pong = _buffer.AsSpan(WireGuardPeer.HeaderLength, PacketHead + 11);
        ping[..PacketHead].CopyTo(pong);
        BinaryPrimitives.WriteUInt16BigEndian(pong[4..], 11);
        ping.Slice(8, 16).CopyTo(pong[24..]);
        ping.Slice(24, 16).CopyTo(pong[8..]);
        pong[PacketHead] = (byte)'o';
        ping.Slice(PacketHead + 1, 8).CopyTo(pong[(PacketHead + 1)..]);
        pong[(PacketHead + 9)..].Clear();
        var length = _server!.Send(_buffer, pong.Length);
        _derp.TrySend(_serverKey, _buffer.AsSpan(0, length));
    }
}
