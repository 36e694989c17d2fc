using System.Net.Security;
using System.Runtime.CompilerServices;

namespace Sockets;

/// <summary>
/// A pipe reader directly on a TLS stream. One read returns all records that have arrived, up to the TLS stream's buffer (32 KiB), so that
/// the relay works once for all of them and not once for each record.
/// </summary>
public sealed class TlsPipeReader : TransportPipeReader
{
    private readonly SslStream _tls;
    private readonly Action _onReady;
    private ConfiguredValueTaskAwaitable<int>.ConfiguredValueTaskAwaiter _wait;

    /// <summary>Creates a reader.</summary>
    /// <param name="tls">An authenticated TLS stream with no read pending. The caller keeps its ownership.</param>
    /// <param name="first">Bytes that were read from the TLS stream before; the reader returns them first.</param>
    public TlsPipeReader(SslStream tls, ReadOnlySpan<byte> first = default)
        : base(readAhead: 0, ended: null)
    {
        ArgumentNullException.ThrowIfNull(tls);
        _tls = tls;
        _onReady = OnReady;
        SetStream(true);
        while (!first.IsEmpty)
        {
            var block = ReceiveBlock();
            var count = Math.Min(first.Length, block.FreeLength);
            first[..count].CopyTo(block.Free);
            OnReceived(block, count);
            first = first[count..];
        }
    }

    private protected override bool BeginWait()
    {
        try
        {
            // A read of zero bytes completes when a record has arrived, and needs no buffer while it waits.
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

        _wait.UnsafeOnCompleted(_onReady);
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
            // Every exception goes to the reader: on this thread, a socket thread, nobody would handle it.
            End(error);
        }
    }

    private protected override void Receive()
    {
        MayHaveMore = false;
        var block = ReceiveBlock();
        try
        {
            var bytes = _tls.ReadAsync(block.Bytes.AsMemory(block.End));
            var read = bytes.ConfigureAwait(false).GetAwaiter();
            if (!read.IsCompleted)
            {
                AbandonPendingRead(read);
                return;
            }

            var count = read.GetResult();
            if (count > 0)
            {
                OnReceived(block, count);
                return;
            }

            OnNothingReceived();
            End(null);
        }
        catch (Exception error)
        {
            OnNothingReceived();
            End(error); // The reader has it.
        }
    }

    private protected override void Free()
    {
    }

    // The zero-byte read has reported bytes, but this read waits, which no TLS stream should do. The pending read keeps the block.
    private void AbandonPendingRead(ConfiguredValueTaskAwaitable<int>.ConfiguredValueTaskAwaiter read)
    {
        read.UnsafeOnCompleted(() => _ = read.IsCompleted);
        Abandon();
        End(new IOException("The TLS stream reported bytes, but a read of them did not complete."));
    }
}
