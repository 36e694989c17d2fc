using System.Buffers;
using System.IO.Pipelines;

namespace Tailnet.Tests;

/// <summary>Two ends of a byte stream in memory; what the near end writes is held back at a size of the test's choice.</summary>
internal sealed class PipePair
{
    public PipePair(int buffer = 64 * 1024)
    {
        var options = new PipeOptions(
            pauseWriterThreshold: buffer, resumeWriterThreshold: Math.Max(1, buffer / 2), useSynchronizationContext: false);
        var there = new Pipe(options);
        var back = new Pipe(new PipeOptions(pauseWriterThreshold: 4 * 1024 * 1024, useSynchronizationContext: false));
        Near = new End(back.Reader, there.Writer);
        Far = new End(there.Reader, back.Writer);
    }

    public IDuplexPipe Near { get; }

    public IDuplexPipe Far { get; }

    private sealed record End(PipeReader Input, PipeWriter Output) : IDuplexPipe;
}

internal static class PipeReading
{
    private static readonly TimeSpan Guard = TimeSpan.FromSeconds(20);

    public static async Task<byte[]> TakeAsync(this PipeReader reader, int count)
    {
        var result = await reader.ReadAtLeastAsync(count).AsTask().WaitAsync(Guard);
        Assert.True(result.Buffer.Length >= count, $"Ended after {result.Buffer.Length} of {count} bytes.");
        var bytes = result.Buffer.Slice(0, count).ToArray();
        reader.AdvanceTo(result.Buffer.GetPosition(count));
        return bytes;
    }

    public static async Task<byte[]> TakeAllAsync(this PipeReader reader)
    {
        var all = new ArrayBufferWriter<byte>();
        while (true)
        {
            var result = await reader.ReadAsync().AsTask().WaitAsync(Guard);
            all.Write(result.Buffer.ToArray());
            reader.AdvanceTo(result.Buffer.End);
            if (result.IsCompleted)
            {
                return all.WrittenSpan.ToArray();
            }
        }
    }

    public static Task<T> Soon<T>(this Task<T> task) => task.WaitAsync(Guard);

    public static Task Soon(this Task task) => task.WaitAsync(Guard);

    public static Task<T> Soon<T>(this ValueTask<T> task) => task.AsTask().WaitAsync(Guard);

    public static Task Soon(this ValueTask task) => task.AsTask().WaitAsync(Guard);
}
