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
                // Also away from these threads, where a test goes on after what it read there.
                await Task.Yield();
            }
            while (!threads.AreIdle);
        }
    }
}
