using System.Net.Sockets;

namespace Sockets;

/// <summary>Who waits for a socket with <see cref="RequestThreads"/>.</summary>
internal interface IRequestReader
{
    /// <summary>The socket has something, or has ended or broken.</summary>
    void Ready();
}

/// <summary>A socket's waits with <see cref="RequestThreads"/>, one after the other. Each ends once: who takes it back goes on.</summary>
internal sealed class RequestWait(RequestThreads threads, IRequestReader reader)
{
    private int _file = -1;
    private int _isWaiting;

    /// <summary>Begins to wait. False when the socket is closed, and nobody else goes on.</summary>
    public bool TryBegin(Socket socket)
    {
        // Before: it may be over on another thread when this returns.
        Volatile.Write(ref _isWaiting, 1);
        return threads.TryWait(this, socket.SafeHandle, ref _file) || !TryTakeBack();
    }

    public bool TryTakeBack() => Interlocked.Exchange(ref _isWaiting, 0) == 1;

    public void Ready()
    {
        if (TryTakeBack())
        {
            reader.Ready();
        }
    }

    /// <summary>It waits no more, and the socket is closed.</summary>
    public void Forget()
    {
        if (_file >= 0)
        {
            threads.Forget(this, _file);
        }
    }
}
