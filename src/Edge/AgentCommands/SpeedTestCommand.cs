using System.Diagnostics;
using System.Security.Cryptography;
using System.Text;
using Edge.Administration;

namespace Edge.AgentCommands;

/// <summary>
/// <c>Edge speedtest</c>: the client of the agent's speed test. A line of JSON asks for it, and another line answers. Then one side sends
/// as fast as it can, until it ends its bytes.
/// </summary>
internal static class SpeedTestCommand
{
    private const int Port = 3;
    private const int Version = 2;
    private const int LongestAnswer = 4096;
    private const double Mebibyte = 1024 * 1024;

    /// <exception cref="AgentCommandException">The agent cannot be reached, or refuses the test.</exception>
    public static async Task RunAsync(
        AgentClient client, NamedAgent agent, TimeSpan duration, bool upload, TextWriter output, CancellationToken cancellation)
    {
        using var connection = await AgentConnection.DialAsync(client, agent.Id, Port, cancellation);
        var nanoseconds = (long)duration.TotalNanoseconds;
        await connection.WriteAsync(
            Encoding.UTF8.GetBytes(FormattableString.Invariant(
                $"{{\"version\":{Version},\"time\":{nanoseconds},\"direction\":{(upload ? 1 : 0)}}}\n")),
            cancellation);
        var first = await ReadAnswerAsync(connection, cancellation);

        var start = Stopwatch.GetTimestamp();
        var bytes = upload
            ? await UploadAsync(connection, duration, cancellation)
            : first + await DownloadAsync(connection, cancellation);
        var seconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
        var (direction, size) = (upload ? "upload" : "download", bytes / Mebibyte);
        await output.WriteLineAsync(FormattableString.Invariant(
            $"{agent.Name}: {direction} of {size:0.0} MiB in {seconds:0.0} s, {size / seconds:0.0} MiB/s"));
    }

    /// <summary>Reads the answer, and returns the number of bytes that came behind it.</summary>
    private static async Task<long> ReadAnswerAsync(AgentConnection connection, CancellationToken cancellation)
    {
        // The JSON of the answer ends at its line end.
        var buffer = new byte[LongestAnswer + AgentConnection.BufferBytes];
        var (length, end) = (0, -1);
        while (end < 0 && length < LongestAnswer)
        {
            var count = await connection.ReadAsync(buffer.AsMemory(length, AgentConnection.BufferBytes), cancellation);
            length += count > 0 ? count : throw new AgentCommandException("the agent ended the speed test without an answer");
            end = buffer.AsSpan(0, length).IndexOf((byte)'\n');
        }

        if (end < 0 || ApiErrorText.TryParse(Encoding.UTF8.GetString(buffer, 0, end)) is not { } answer)
        {
            throw new AgentCommandException("the agent's answer to the speed test cannot be read");
        }

        return answer["error"]?.ToString() is { Length: > 0 } error
            ? throw new AgentCommandException($"the agent refuses the speed test: {error}")
            : length - end - 1;
    }

    private static async Task<long> DownloadAsync(AgentConnection connection, CancellationToken cancellation)
    {
        var buffer = new byte[AgentConnection.BufferBytes];
        var bytes = 0L;
        while (await connection.ReadAsync(buffer, cancellation) is var count && count > 0)
        {
            bytes += count;
        }

        await connection.CompleteWritesAsync(cancellation);
        await connection.FinishAsync(cancellation);
        return bytes;
    }

    /// <summary>Sends until the time is over, and waits until the agent has read everything and ends the connection.</summary>
    private static async Task<long> UploadAsync(AgentConnection connection, TimeSpan duration, CancellationToken cancellation)
    {
        // Random bytes, so that no layer compresses them.
        var buffer = RandomNumberGenerator.GetBytes(AgentConnection.BufferBytes);
        var ended = DownloadEndAsync(connection, cancellation);
        var bytes = 0L;
        var start = Stopwatch.GetTimestamp();
        while (Stopwatch.GetElapsedTime(start) < duration && !ended.IsCompleted)
        {
            await connection.WriteAsync(buffer, cancellation);
            bytes += buffer.Length;
        }

        await connection.CompleteWritesAsync(cancellation);
        await ended;
        await connection.FinishAsync(cancellation);
        return bytes;
    }

    private static async Task DownloadEndAsync(AgentConnection connection, CancellationToken cancellation)
    {
        var buffer = new byte[AgentConnection.BufferBytes];
        while (await connection.ReadAsync(buffer, cancellation) > 0)
        {
            // The agent sends nothing in this direction.
        }
    }
}
