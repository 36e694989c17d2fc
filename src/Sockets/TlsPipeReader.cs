using System.Net.Security;
using System.Runtime.CompilerServices;

namespace Sockets;

/// <summary>
/// A pipe reader right on a TLS stream. One read takes all records that have come, up to what the TLS stream holds (32 KiB), so that what
/// is done with them is done once for all, and not for each record.
/// </summary>
public sealed class TlsPipeReader : TransportPipeReader
{
    private readonly SslStream _tls;
    private readonly Action _arrived;
    private ConfiguredValueTaskAwaitable<int>.ConfiguredValueTaskAwaiter _wait;

    /// <summary>Reads from a TLS stream.</summary>
    /// <param name="tls">Authenticated, with no read pending; not owned.</param>
    /// <param name="first">Bytes that others have read from it; they come first.</param>
    public TlsPipeReader(SslStream tls, ReadOnlySpan<byte> first = default)
        : base(readAhead: 0, ended: null)
    {
        ArgumentNullException.ThrowIfNull(tls);
        _tls = tls;
        _arrived = Arrived;
        Stream(true);
        while (!first.IsEmpty)
        {
            var block = Room();
            var count = Math.Min(first.Length, block.Room);
            first[..count].CopyTo(block.Free);
            Took(block, count);
            first = first[count..];
        }
    }

    private protected override bool BeginWait()
    {
        try
        {
            // Zero bytes: it returns when there is a record to be read, without having needed a buffer of ours to wait.
            var wait = _tls.ReadAsync(Memory<byte>.Empty);
            _wait = wait.ConfigureAwait(false).GetAwaiter();
        }
        catch (Exception error)
        {
            End(error); // The reader has it.
            return false;
        }

        if (_wait.IsCompleted)
        {
            EndWait();
            return false;
        }

        _wait.UnsafeOnCompleted(_arrived);
        return true;
    }

    private protected override void EndWait()
    {
        try
        {
            _wait.GetResult();
            MayHaveMore = true;
        }
        catch (Exception error)
        {
            // Whatever it is, the reader is to hear of it: here is only the socket's thread.
            End(error);
        }
    }

    private protected override void Receive()
    {
        MayHaveMore = false;
        var block = Room();
        try
        {
            var bytes = _tls.ReadAsync(block.Bytes.AsMemory(block.End));
            var read = bytes.ConfigureAwait(false).GetAwaiter();
            if (!read.IsCompleted)
            {
                Stray(read);
                return;
            }

            var count = read.GetResult();
            if (count > 0)
            {
                Took(block, count);
                return;
            }

            TookNothing();
            End(null);
        }
        catch (Exception error)
        {
            TookNothing();
            End(error); // The reader has it.
        }
    }

    private protected override void Free()
    {
    }

    // It said that there is something, and waits: no TLS stream does that. The block belongs to that read from here on.
    private void Stray(ConfiguredValueTaskAwaitable<int>.ConfiguredValueTaskAwaiter read)
    {
        read.UnsafeOnCompleted(() => _ = read.IsCompleted);
        Abandon();
        End(new IOException("The TLS stream waits although it had something."));
    }
}
