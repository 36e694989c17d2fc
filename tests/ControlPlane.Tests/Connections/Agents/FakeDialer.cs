using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using Tailnet.Ip.Tcp;
using Tailnet.Peer;

namespace ControlPlane.Tests.Connections.Agents;

/// <summary>A dialer whose agents are listeners on loopback, one for each port.</summary>
internal sealed class FakeDialer : IAgentDialer
{
    public Dictionary<ushort, IPEndPoint> Listeners { get; } = [];

    public ConcurrentQueue<(Guid Agent, ushort Port, TimeSpan Timeout)> Dials { get; } = [];

    public ConcurrentQueue<SocketAgentStream> Streams { get; } = [];

    /// <summary>Why every dial fails; null where they succeed.</summary>
    public DialFailure? Failure { get; set; }

    /// <summary>Whether dials wait until they are cancelled.</summary>
    public bool IsSilent { get; set; }

    /// <summary>Whether connections end as soon as they are there.</summary>
    public bool IsCutOff { get; set; }

    public AgentPath? Path { get; set; }

    public async Task<AgentStream> DialAsync(Guid agent, ushort port, TimeSpan timeout, CancellationToken cancellation)
    {
        Dials.Enqueue((agent, port, timeout));
        if (Failure is { } failure)
        {
            throw new DialException(failure);
        }

        if (IsSilent)
        {
            await Task.Delay(Timeout.InfiniteTimeSpan, cancellation);
        }

        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        await socket.ConnectAsync(Listeners[port], cancellation);
        var stream = new SocketAgentStream(socket);
        Streams.Enqueue(stream);
        if (IsCutOff)
        {
            stream.Fail(TcpCloseReason.Reset);
        }

        return stream;
    }

    public Task<TimeSpan> PingAsync(Guid agent, TimeSpan timeout, CancellationToken cancellation) => throw new NotSupportedException();

    public AgentPath? Find(Guid agent) => Path;
}

/// <summary>A stream of a tailnet over a socket. A test decides why it fails.</summary>
internal sealed class SocketAgentStream(Socket socket) : AgentStream
{
    private readonly NetworkStream _stream = new(socket, ownsSocket: true);
    private TcpCloseReason _reason = TcpCloseReason.Reset;

    /// <summary>The lengths of the writes.</summary>
    public ConcurrentQueue<int> Writes { get; } = [];

    public bool IsDisposed { get; private set; }

    public override bool RunsInline { get; set; }

    public override bool CanRead => true;

    public override bool CanWrite => true;

    public override bool CanSeek => false;

    public override long Length => throw new NotSupportedException();

    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    /// <summary>Ends the connection: pending and later reads and writes throw with the reason.</summary>
    public void Fail(TcpCloseReason reason)
    {
        _reason = reason;
        socket.Shutdown(SocketShutdown.Both);
        _stream.Dispose();
    }

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        try
        {
            var count = await _stream.ReadAsync(buffer, cancellationToken);
            return count == 0 && _reason != TcpCloseReason.Reset ? throw new TcpException(_reason) : count;
        }
        catch (Exception exception) when (exception is (IOException and not TcpException) or ObjectDisposedException)
        {
            throw new TcpException(_reason);
        }
    }

    public override async ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
    {
        Writes.Enqueue(buffer.Length);
        try
        {
            await _stream.WriteAsync(buffer, cancellationToken);
        }
        catch (Exception exception) when (exception is IOException or ObjectDisposedException)
        {
            throw new TcpException(_reason);
        }
    }

    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override Task WriteAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        WriteAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    public override void Flush()
    {
    }

    public override Task FlushAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    public override void CompleteWrites() => socket.Shutdown(SocketShutdown.Send);

    public override void Abort() => _stream.Dispose();

    protected override void Dispose(bool disposing)
    {
        IsDisposed = true;
        _stream.Dispose();
        base.Dispose(disposing);
    }
}
