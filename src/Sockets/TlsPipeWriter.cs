using System.IO.Pipelines;
using System.Net.Security;
using System.Runtime.CompilerServices;

namespace Sockets;

/// <summary>
/// A pipe writer right on a TLS stream: what lies in it at a flush becomes as few records as it fits into (16 KiB each), and these leave
/// in one send.
/// </summary>
public sealed class TlsPipeWriter : TransportPipeWriter
{
    // RFC 8446, 5.1: the most bytes of a record. What is not longer needs no gathering.
    private const int Record = 16 * 1024;

    private readonly SslStream _tls;
    private readonly TransportPipeWriter _below;
    private readonly Action _onSent;
    private ConfiguredValueTaskAwaitable.ConfiguredValueTaskAwaiter _write;
    private ConfiguredValueTaskAwaitable<FlushResult>.ConfiguredValueTaskAwaiter _flush;
    private bool _isFlush;

    /// <summary>Writes to a TLS stream.</summary>
    /// <param name="tls">Authenticated, with no write pending; not owned.</param>
    /// <param name="below">Where the TLS stream writes its records to: they are gathered there.</param>
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

            Check();
        }
        catch (Exception error)
        {
            // Whatever it is, the stream is of no use any more, and here is only the socket's thread.
            Break(error);
        }
    }

    private protected override async ValueTask EndAsync()
    {
        try
        {
            await _tls.ShutdownAsync().ConfigureAwait(false);
        }
        catch (Exception error) when (error is IOException or ObjectDisposedException or InvalidOperationException or System.Net.Sockets.SocketException)
        {
            // Gone already: whoever reads learns why, and the peer sees no orderly end, which is the truth.
            return;
        }

        await _below.HalfCloseAsync().ConfigureAwait(false);
    }

    // Whoever reads learns of it too.
    private protected override void ReportBroken(Exception error)
    {
    }

    private protected override void Free()
    {
    }

    // False when it is on its way.
    private bool Write(ReadOnlyMemory<byte> bytes)
    {
        var gathers = bytes.Length > Record;
        try
        {
            if (gathers)
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
            if (gathers)
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

            Check();
        }
        catch (Exception error)
        {
            Break(error); // Whoever writes next has it.
        }

        return true;
    }

    // A TLS session is not told that what it writes goes nowhere.
    private void Check()
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
