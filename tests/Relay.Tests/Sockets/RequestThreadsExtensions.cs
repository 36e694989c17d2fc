using Relay.Tests.Streams;
using Sockets;

namespace Relay.Tests.Sockets;

internal static class RequestThreadsExtensions
{
    /// <summary>
    /// Waits until all of these threads are idle; before that, work may go to the thread pool. The threads must belong to one
    /// test, or other tests keep them busy.
    /// </summary>
    public static Task IdleAsync(this RequestThreads threads)
    {
        return WaitAsync().Soon();

        async Task WaitAsync()
        {
            do
            {
                // The yield also moves the test off these threads, on which it may have resumed after a read.
                await Task.Yield();
            }
            while (!threads.AreIdle);
        }
    }
}
