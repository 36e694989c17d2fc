namespace Tailnet.Tests.Ip;

/// <summary>How a <see cref="SimulatedServer"/> behaves.</summary>
internal sealed record ServerSettings
{
    public bool Sack { get; init; } = true;

    public bool Timestamps { get; init; } = true;

    public byte? Scale { get; init; } = 7;

    public int Mss { get; init; } = 1220;

    /// <summary>Bytes that the peer may send before the application reads.</summary>
    public int Window { get; init; } = 128 * 1024;

    /// <summary>Microseconds for which an acknowledgment waits.</summary>
    public long DelayedAck { get; init; }

    /// <summary>Retransmissions in a row after which the server gives up.</summary>
    public int Retries { get; init; } = int.MaxValue;

    /// <summary>Bytes that the application sends.</summary>
    public int ToSend { get; init; }

    /// <summary>Bytes that the application writes at a time, and microseconds between two writes.</summary>
    public (int Bytes, long Every) Writes { get; init; } = (int.MaxValue, 0);

    /// <summary>Bytes that the application reads at a time, and microseconds between two reads.</summary>
    public (int Bytes, long Every) Reads { get; init; } = (int.MaxValue, 0);

    /// <summary>The application reads nothing before this time.</summary>
    public long ReadsFrom { get; init; }

    /// <summary>The application writes nothing before the peer's FIN.</summary>
    public bool WritesAfterFin { get; init; }

    /// <summary>The application closes its half at its end, or only after the peer's FIN.</summary>
    public bool FinAfterFin { get; init; }

    /// <summary>The application never closes.</summary>
    public bool NoFin { get; init; }

    public byte Salt { get; init; } = 100;

    public byte PeerSalt { get; init; } = 200;
}
