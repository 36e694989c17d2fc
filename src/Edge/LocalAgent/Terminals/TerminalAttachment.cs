namespace Edge.LocalAgent.Terminals;

/// <summary>
/// One client of a terminal: a place in its scrollback. One that falls behind what the scrollback holds goes on from the oldest output that is
/// still there. Disposing it detaches.
/// </summary>
internal sealed class TerminalAttachment : IDisposable
{
    // Ends what the lost output may have begun: a sequence, and colours.
    private static readonly byte[] Resync = "\x18\x1b[0m"u8.ToArray();

    private readonly TerminalSession _session;
    private readonly OutputSignal _news = new();

    internal TerminalAttachment(TerminalSession session, long place) => (_session, Place) = (session, place);

    /// <summary>Which shell it is.</summary>
    public Guid Shell => _session.Shell;

    /// <summary>Everything before is sent. Guarded by the session's lock.</summary>
    internal long Place { get; private set; }

    /// <summary>
    /// The next output, into at least 16 bytes; 0 when the terminal is over and all is read. Who waited goes on on the terminal's thread, which has
    /// the other attachments to serve too, and must not block there.
    /// </summary>
    public async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellation)
    {
        while (true)
        {
            if (_session.Take(this, buffer.Span) is { } count)
            {
                return count;
            }

            await _news.WaitAsync(cancellation);
        }
    }

    /// <summary>Types; waits while the terminal takes no more.</summary>
    public Task WriteAsync(ReadOnlyMemory<byte> input, CancellationToken cancellation) => _session.WriteAsync(input, cancellation);

    /// <summary>Sets the size for all; the last one counts. Without effect if one of them is 0.</summary>
    public void Resize(ushort height, ushort width) => _session.Resize(height, width);

    public void Dispose() => _session.Detach(this);

    /// <summary>There may be something to read. Not under the session's lock: who reads goes on in here.</summary>
    internal void Wake() => _news.Set();

    /// <summary>Copies from its place on, and moves it. Under the session's lock.</summary>
    internal int CopyFrom(Scrollback scrollback, Span<byte> destination)
    {
        var prefix = 0;
        if (Place < scrollback.Start)
        {
            Resync.CopyTo(destination);
            prefix = Resync.Length;
            Place = scrollback.FirstBoundary();
        }

        var count = scrollback.CopyFrom(Place, destination[prefix..]);
        Place += count;
        return prefix + count;
    }
}
