using System.IO.Pipelines;
using System.Net.Security;
using System.Runtime.CompilerServices;

namespace Sockets;

/// <summary>
/// A pipe writer directly on a TLS stream. A flush makes as few records as possible of the written bytes (16 KiB each), and sends them in
/// one send.
/// </summary>
public sealed class TlsPipeWriter : TransportPipeWriter
{
    // The longest record in bytes (RFC 8446 §5.1). Only longer writes make several records, which are held back and sent together.
    private const int Record = 16 * 1024;

    private readonly SslStream _tls;
    private readonly TransportPipeWriter _below;
    private readonly Action _onSent;
    private ConfiguredValueTaskAwaitable.ConfiguredValueTaskAwaiter _write;
    private ConfiguredValueTaskAwaitable<FlushResult>.ConfiguredValueTaskAwaiter _flush;
    private bool _isFlush;

    /// <summary>Creates a writer.</summary>
    /// <param name="tls">An authenticated TLS stream with no write pending. The caller keeps its ownership.</param>
    /// <param name="below">The writer to which the TLS stream writes its records.</param>
    public TlsPipeWriter(SslStream tls, TransportPipeWriter below)
    {
        ArgumentNullException.ThrowIfNull(tls);
        ArgumentNullException.ThrowIfNull(below);
        (_tls, _below, _onSent) = (tls, below, OnSent);
    }

    private protected override int SendNow(ReadOnlyMemory<byte> bytes)
    {
        if (!bytes.IsEmpty && !Write(bytes))
        {
            Borrow();
            ScheduleOnSent();
        }

        return bytes.Length;
    }

    private protected override bool Send(Block block)
    {
        if (Write(block.Bytes.AsMemory(block.Start, block.Length)))
        {
            return true;
        }

        ScheduleOnSent();
        return false;
    }

    private protected override void EndSend()
    {
        try
        {
            if (_isFlush)
            {
                _flush.GetResult();
            }
            else
            {
                _write.GetResult();
            }

            BreakIfClosedBelow();
        }
        catch (Exception error)
        {
            // After any exception the TLS stream is unusable; on this thread, a socket thread, nobody would handle it.
            Break(error);
        }
    }

    private protected override async ValueTask EndAsync()
    {
        try
        {
            await _tls.ShutdownAsync().ConfigureAwait(false);
        }
        catch (Exception error) when (error is IOException or ObjectDisposedException or InvalidOperationException
            or System.Net.Sockets.SocketException)
        {
            // The connection is broken already: the reader gets the error, and the peer gets no close_notify.
            return;
        }

        await _below.HalfCloseAsync().ConfigureAwait(false);
    }

    // The reader of the connection gets the error too.
    private protected override void ReportBroken(Exception error)
    {
    }

    private protected override void Free()
    {
    }

    // Returns false while the write is pending.
    private bool Write(ReadOnlyMemory<byte> bytes)
    {
        var holds = bytes.Length > Record;
        try
        {
            if (holds)
            {
                _below.Hold();
            }

            _isFlush = false;
            var write = _tls.WriteAsync(bytes);
            _write = write.ConfigureAwait(false).GetAwaiter();
            if (!_write.IsCompleted)
            {
                return false;
            }

            _write.GetResult();
            if (holds)
            {
                _isFlush = true;
                var flush = _below.ReleaseAsync();
                _flush = flush.ConfigureAwait(false).GetAwaiter();
                if (!_flush.IsCompleted)
                {
                    return false;
                }

                _flush.GetResult();
            }

            BreakIfClosedBelow();
        }
        catch (Exception error)
        {
            Break(error); // The next flush reports completion.
        }

        return true;
    }

    // A write of the TLS session succeeds also when the writer below drops its bytes.
    private void BreakIfClosedBelow()
    {
        if (_below.IsClosed)
        {
            Break(new IOException("The connection is broken."));
        }
    }

    private void ScheduleOnSent()
    {
        if (_isFlush)
        {
            _flush.UnsafeOnCompleted(_onSent);
        }
        else
        {
            _write.UnsafeOnCompleted(_onSent);
        }
    }
}
