namespace Relay.Derp.Client;

/// <summary>The sending half of a client, as its connection uses it. The methods may be called on any thread.</summary>
internal interface IDerpClientOutbox
{
    /// <summary>Whether the login is over and the outbox is not closed.</summary>
    bool IsOpen { get; }

    /// <summary>Whether the output accepts no more bytes.</summary>
    bool IsStuck { get; }

    /// <summary>The number of bytes that the output has accepted. It grows as long as the relay reads.</summary>
    long Taken { get; }

    /// <summary>Sends a frame of the login. The output has space for it, because nothing was sent before.</summary>
    void SendLogin(ReadOnlySpan<byte> frame);

    /// <summary>Allows packets and control frames, after the login.</summary>
    void Open();

    /// <summary>Queues the answer to a ping for the next flush. It replaces an answer that still waits.</summary>
    void QueuePong(ulong data);

    /// <summary>Sends a ping, at once if the output is not full.</summary>
    void SendPing(ulong data);

    /// <summary>Sends stored bytes as far as the output accepts them, and flushes the output.</summary>
    void Flush();

    /// <summary>Completes the output. Nothing is sent afterwards, and further calls have no effect.</summary>
    void Close();
}
