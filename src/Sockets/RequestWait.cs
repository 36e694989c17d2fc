using System.Net.Sockets;

namespace Sockets;

/// <summary>A reader that waits for its socket on <see cref="RequestThreads"/>.</summary>
internal interface IRequestReader
{
    /// <summary>Called when the socket has bytes, its end or an error.</summary>
    void Ready();
}

/// <summary>
/// A socket's waits on <see cref="RequestThreads"/>, one at a time. Exactly one caller ends each wait by <see cref="TryClaim"/>, and then
/// continues the read.
/// </summary>
internal sealed class RequestWait(RequestThreads threads, IRequestReader reader)
{
    private int _file = -1;
    private int _isWaiting;

    /// <summary>Begins a wait. Returns false when the socket is closed and no other thread has ended the wait.</summary>
    public bool TryBegin(Socket socket)
    {
        // Set first: another thread may end the wait before TryWait returns.
        Volatile.Write(ref _isWaiting, 1);
        return threads.TryWait(this, socket.SafeHandle, ref _file) || !TryClaim();
    }

    public bool TryClaim() => Interlocked.Exchange(ref _isWaiting, 0) == 1;

    public void Ready()
    {
        if (TryClaim())
        {
            reader.Ready();
        }
    }

    /// <summary>Unregisters the socket, which is closed.</summary>
    public void Unregister()
    {
        if (_file >= 0)
        {
            threads.Unregister(this, _file);
        }
    }
}
