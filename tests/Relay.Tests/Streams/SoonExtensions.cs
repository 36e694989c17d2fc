namespace Relay.Tests.Streams;

/// <summary>The time limit of every wait: long enough for a busy machine, short enough to show which wait hangs.</summary>
internal static class SoonExtensions
{
    public static readonly TimeSpan Guard = TimeSpan.FromSeconds(20);

    public static Task Soon(this Task task) => task.WaitAsync(Guard, TestContext.Current.CancellationToken);

    public static Task<T> Soon<T>(this Task<T> task) => task.WaitAsync(Guard, TestContext.Current.CancellationToken);

    public static Task<T> Soon<T>(this ValueTask<T> task) => task.AsTask().Soon();
}
