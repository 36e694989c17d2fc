using Tailnet.Ip;
using Tailnet.Ip.Tcp;
using Tailnet.Ip.Wire;

namespace Peers.Kernel;

/// <summary>
/// The product's IP and TCP layers with Linux' TCP as their peer. One thread reads the kernel's packets, and another one sends, as the
/// tailnet node does. Packets are lost at random, each way.
/// </summary>
internal sealed class KernelPeer : IPacketOutput, IDisposable
{
    private readonly TunDevice _device;
    private readonly byte[] _region = new byte[Ipv6Header.Mtu];
    private readonly Random _random = new(7);
    private readonly double _loss;
    private readonly object _signal = new();
    private readonly Thread _sender;
    private bool _hasWork;
    private volatile bool _stops;

    public KernelPeer(TunDevice device, double loss)
    {
        (_device, _loss) = (device, loss);
        Context = new TcpContext(TimeProvider.System, 64 << 20, static () => (uint)Random.Shared.NextInt64());
        Host = new PeerHost(Context, this, new Ipv6Address(TunDevice.Ours), _ => Wake());
        Host.SetPeerAddresses([new Ipv6Address(TunDevice.Kernels)]);
        _sender = new Thread(Send) { IsBackground = true };
        _sender.Start();
        new Thread(Receive) { IsBackground = true }.Start();
    }

    public TcpContext Context { get; }

    public PeerHost Host { get; }

    public TcpStream Connect() => Host.Connect(new Ipv6Address(TunDevice.Kernels), _device.Port, TcpSettings.Bulk)!;

    public Span<byte> Begin() => _region;

    public void Commit(int length)
    {
        if (length > 0 && !IsLost())
        {
            _device.Write(_region.AsSpan(0, length));
        }
    }

    public void Dispose()
    {
        // The receiver ends at the next packet, or with the process.
        _stops = true;
        Wake();
        _sender.Join();
    }

    private void Wake()
    {
        lock (_signal)
        {
            _hasWork = true;
            Monitor.Pulse(_signal);
        }
    }

    private void Await(TimeSpan limit)
    {
        lock (_signal)
        {
            if (!_hasWork)
            {
                Monitor.Wait(_signal, limit);
            }

            _hasWork = false;
        }
    }

    private bool IsLost() => _random.NextDouble() < _loss;

    private void Receive()
    {
        var packet = new byte[2048];
        while (!_stops)
        {
            var length = _device.Read(packet);
            if (length == 0)
            {
                return;
            }

            lock (Context.Gate)
            {
                if (!IsLost())
                {
                    Host.Receive(packet.AsSpan(0, length), Context.Now);
                    Host.Send(1000, Context.Now);
                }
            }

            Context.RunCompletions();
            Wake();
        }
    }

    private void Send()
    {
        while (!_stops)
        {
            long wait;
            lock (Context.Gate)
            {
                var now = Context.Now;
                Host.Tick(now);
                Host.Send(1000, now);
                wait = Host.NextDeadline - now;
            }

            Context.RunCompletions();
            Await(TimeSpan.FromMicroseconds(Math.Clamp(wait, 0, 1_000_000)));
        }
    }
}
