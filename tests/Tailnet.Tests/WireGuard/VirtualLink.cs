using Tailnet.WireGuard;

namespace Tailnet.Tests.WireGuard;

/// <summary>A network between nodes in virtual time. A test sets delay, loss, duplication and reordering of messages.</summary>
internal sealed class VirtualLink(int seed = 1) : IDisposable
{
    private readonly PriorityQueue<(VirtualNode To, byte[] Message), (long At, int Number)> _underway = new();
    private readonly Random _random = new(seed);
    private readonly List<VirtualNode> _nodes = [];
    private int _number;

    public ManualTimeProvider Time { get; } = new();

    public TimeSpan Delay { get; set; } = TimeSpan.FromMilliseconds(10);

    /// <summary>The maximum random delay in addition to <see cref="Delay"/>, which reorders messages.</summary>
    public TimeSpan Spread { get; set; }

    public double Loss { get; set; }

    public double Duplication { get; set; }

    /// <summary>A predicate for the messages that are lost.</summary>
    public Func<VirtualNode, byte[], bool>? Loses { get; set; }

    public TimeSpan Elapsed { get; private set; }

    /// <summary>Creates two nodes that know each other's key.</summary>
    public (VirtualNode A, VirtualNode B) Pair(WireGuardOptions? options = null)
    {
        var a = new VirtualNode(this, options);
        var b = new VirtualNode(this, options);
        _nodes.AddRange([a, b]);
        a.Meet(b);
        b.Meet(a);
        return (a, b);
    }

    public void Transmit(VirtualNode from, ReadOnlySpan<byte> message)
    {
        var copy = message.ToArray();
        if (_random.NextDouble() < Loss || Loses?.Invoke(from, copy) == true)
        {
            return;
        }

        for (var copies = _random.NextDouble() < Duplication ? 2 : 1; copies > 0; copies--)
        {
            var delay = Delay + (Spread * _random.NextDouble());
            _underway.Enqueue((from.Other, copy.ToArray()), (Time.GetTimestamp() + delay.Ticks, _number++));
        }
    }

    /// <summary>Advances the time, and runs what is due within it.</summary>
    public void Run(TimeSpan time) => RunUntil(static () => false, time);

    /// <summary>Advances the time until the condition is true. Returns the elapsed time.</summary>
    public TimeSpan RunUntil(Func<bool> condition, TimeSpan limit)
    {
        var (start, end) = (Elapsed, Elapsed + limit);
        while (!condition())
        {
            var now = Time.GetTimestamp();
            var delivery = _underway.TryPeek(out _, out var due) ? due.At : long.MaxValue;
            var deadline = _nodes.Min(static node => node.Peer.NextDeadline);
            var next = Math.Max(now, Math.Min(delivery, deadline));
            if (next == long.MaxValue || TimeSpan.FromTicks(next - now) > end - Elapsed)
            {
                Advance(end - Elapsed);
                break;
            }

            Advance(TimeSpan.FromTicks(next - now));
            if (delivery <= next)
            {
                var (to, message) = _underway.Dequeue();
                to.Take(message);
            }
            else
            {
                _nodes.First(node => node.Peer.NextDeadline <= next).Peer.Tick();
            }
        }

        return Elapsed - start;
    }

    public void Dispose() => _nodes.ForEach(static node => node.Dispose());

    private void Advance(TimeSpan time)
    {
        Time.Advance(time);
        Elapsed += time;
    }
}
