using Relay.Tests.Streams;
using Sockets;

namespace Relay.Tests.Sockets;

internal static class RequestThreadsExtensions
{
    /// <summary>Until all of them wait: before that the pool may get what comes. They must be the test's own, or others keep them busy.</summary>
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
