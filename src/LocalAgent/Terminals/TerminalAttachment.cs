using System.Threading.Channels;

namespace LocalAgent.Terminals;

/// <summary>
/// One client of a terminal: a place in its scrollback. A client that falls behind the scrollback continues from the oldest output
/// in it. Disposing the attachment detaches the client.
/// </summary>
internal sealed class TerminalAttachment : IDisposable
{
    // CAN and SGR 0 end an escape sequence and a colour that the lost output may have begun.
    private static readonly byte[] Resync = "\x18\x1b[0m"u8.ToArray();

    private readonly TerminalSession _session;

    // Contains an item when the reader has not seen the latest output or the end. The reader continues on the thread of Wake.
    private readonly Channel<bool> _news = Channel.CreateBounded<bool>(new BoundedChannelOptions(1)
    {
        FullMode = BoundedChannelFullMode.DropWrite,
        SingleReader = true,
        AllowSynchronousContinuations = true,
    });

    internal TerminalAttachment(TerminalSession session, long place) => (_session, Place) = (session, place);

    /// <summary>The id of the terminal's shell (<see cref="TerminalSession.Shell"/>).</summary>
    public Guid Shell => _session.Shell;

    /// <summary>The place of the next byte to send. Guarded by the session's lock.</summary>
    internal long Place { get; private set; }

    /// <summary>
    /// Reads the next output into a buffer of at least 16 bytes; 0 bytes after the last output of an ended terminal. After a wait
    /// the caller continues on the terminal's thread, which serves the other attachments too: it must not block.
    /// </summary>
    public async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellation)
    {
        while (true)
        {
            if (_session.Take(this, buffer.Span) is { } count)
            {
                return count;
            }

            await _news.Reader.ReadAsync(cancellation);
        }
    }

    /// <summary>Writes input; waits while the terminal's input buffer is full.</summary>
    public Task WriteAsync(ReadOnlyMemory<byte> input, CancellationToken cancellation) => _session.WriteAsync(input, cancellation);

    /// <summary>Sets the size for all attachments. A size with a 0 has no effect.</summary>
    public void Resize(ushort height, ushort width) => _session.Resize(height, width);

    public void Dispose() => _session.Detach(this);

    /// <summary>Signals new output or the end. The reader continues inside of this call, so the caller holds no lock.</summary>
    internal void Wake() => _news.Writer.TryWrite(true);

    /// <summary>Copies output from <see cref="Place"/> on, and advances it. The caller holds the session's lock.</summary>
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
