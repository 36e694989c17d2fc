using Tailnet.Ip.Tcp;

namespace ControlPlane.Tests.Dialing;

/// <summary>An agent that always has bytes to read, and takes a write only when a test lets it.</summary>
internal sealed class EndlessAgent(long total) : AgentStream
{
    private readonly SemaphoreSlim _offered = new(0);
    private readonly SemaphoreSlim _taken = new(0);
    private long _read;
    private long _written;

    /// <summary>How many bytes the server has read.</summary>
    public long BytesRead => Volatile.Read(ref _read);

    /// <summary>How many bytes the server has written.</summary>
    public long BytesWritten => Volatile.Read(ref _written);

    /// <summary>Takes the next write.</summary>
    public Task TakeAsync()
    {
        _offered.Release();
        return _taken.WaitAsync(TestContext.Current.CancellationToken);
    }

    public override void CompleteWrites()
    {
    }

    public override void Abort()
    {
    }

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        if (_read == total)
        {
            await Task.Delay(Timeout.InfiniteTimeSpan, cancellationToken);
        }

        var count = (int)Math.Min(buffer.Length, total - _read);
        Volatile.Write(ref _read, _read + count);
        return count;
    }

    public override async ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
    {
        await _offered.WaitAsync(cancellationToken);
        Volatile.Write(ref _written, _written + buffer.Length);
        _taken.Release();
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _offered.Dispose();
            _taken.Dispose();
        }

        base.Dispose(disposing);
    }
}
