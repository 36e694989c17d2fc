using Tailnet.Ip.Tcp;

namespace Tailnet.Tests.Ip;

/// <summary>How the application on the stack's side behaves.</summary>
internal sealed record ClientSettings
{
    public int ToSend { get; init; }

    /// <summary>Most bytes of a write, and most microseconds after it.</summary>
    public (int Bytes, long Pause) Writes { get; init; } = (int.MaxValue, 0);

    public int ToReceive { get; init; }

    /// <summary>Most bytes of a read, and most microseconds after it.</summary>
    public (int Bytes, long Pause) Reads { get; init; } = (64 * 1024, 0);

    /// <summary>Nothing is read before this time.</summary>
    public long ReadsFrom { get; init; }

    public byte Salt { get; init; } = 200;

    public byte PeerSalt { get; init; } = 100;
}

/// <summary>An application that writes and reads a pattern, in random pieces.</summary>
internal sealed class SimulatedClient(Simulation simulation, TcpStream stream, ClientSettings settings, int seed)
{
    private readonly Random _random = new(seed);

    public long Received { get; private set; }

    public async Task ConnectAsync() => await stream.ConnectAsync(CancellationToken.None).ConfigureAwait(false);

    public async Task WriteAllAsync()
    {
        var buffer = new byte[Math.Min(settings.ToSend, 128 * 1024)];
        long position = 0;
        while (position < settings.ToSend)
        {
            var most = Math.Min(Math.Min(settings.Writes.Bytes, buffer.Length), settings.ToSend - position);
            var length = 1 + _random.Next((int)most);
            Pattern.Fill(buffer.AsSpan(0, length), position, settings.Salt);
            await stream.WriteAsync(buffer.AsMemory(0, length)).ConfigureAwait(false);
            position += length;
            await PauseAsync(settings.Writes.Pause).ConfigureAwait(false);
        }

        stream.CompleteWrites();
    }

    public async Task ReadAllAsync()
    {
        if (settings.ReadsFrom > simulation.Clock.Now)
        {
            await simulation.Delay(settings.ReadsFrom - simulation.Clock.Now).ConfigureAwait(false);
        }

        var buffer = new byte[Math.Min(settings.Reads.Bytes, 64 * 1024)];
        while (true)
        {
            var length = await stream.ReadAsync(buffer.AsMemory(0, 1 + _random.Next(buffer.Length))).ConfigureAwait(false);
            if (length == 0)
            {
                break;
            }

            Pattern.Verify(buffer.AsSpan(0, length), Received, settings.PeerSalt);
            Received += length;
            await PauseAsync(settings.Reads.Pause).ConfigureAwait(false);
        }

        Assert.Equal(settings.ToReceive, Received);
    }

    private async Task PauseAsync(long most)
    {
        if (most > 0 && _random.Next(4) == 0)
        {
            await simulation.Delay(_random.NextInt64(most)).ConfigureAwait(false);
        }
    }
}
