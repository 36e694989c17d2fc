using System.Diagnostics;
using System.Globalization;
using System.Net.Sockets;
using Relay.Derp.Wire;

namespace Mesh;

/// <summary>A relay without a mesh is stopped and started again, as a supervisor does, while fifty clients use it.</summary>
public sealed class RestartTests(ITestOutputHelper output)
{
    private const int Clients = 50;

    // What clients of tailnets do: a tenth of a second, and then twice as long each time. Counted from the close.
    private static readonly TimeSpan[] Redials = [.. new[] { 0.1, 0.3, 0.7, 1.5, 3.1, 6.3, 12.7, 25.5 }.Select(TimeSpan.FromSeconds)];

    private readonly Stopwatch _sinceStop = new();

    [Fact]
    public async Task ClientsOfALoneRelayHaveTheirPacketsAgainSoonAfterItWasStopped()
    {
        using var directory = new TemporaryDirectory();
        var first = await StartAsync(directory, "http://127.0.0.1:0");
        var url = first.UrlOf("public");
        EdgeProcess? second = null;
        try
        {
            var keys = Enumerable.Range(0, Clients).Select(static _ => NodePrivateKey.Generate()).ToArray();
            var clients = await Task.WhenAll(keys.Select(key => DerpPeer.JoinAsync(url, key)));
            var returns = clients.Select((client, i) => ComeBackAsync(client, url, keys[i])).ToArray();

            var pressure = CpuPressure();
            _sinceStop.Start();
            await first.SignalAsync("TERM");
            Assert.Equal(0, await first.ExitAsync());
            var ended = _sinceStop.Elapsed;

            // Other programs may have the processors: the time in which a thread waited for one is not the relay's. It is
            // near zero on a quiet machine.
            var exit = ended - (CpuPressure() - pressure);
            second = await StartAsync(directory, url.GetLeftPart(UriPartial.Authority));
            var stood = _sinceStop.Elapsed;
            using var process = Process.GetProcessById(second.Id);
            var work = process.TotalProcessorTime;
            var all = await Task.WhenAll(returns);

            var longest = all.Max(static client => client.Away.TotalSeconds);
            output.WriteLine(
                $"the process ended after {ended.TotalSeconds:0.00} s ({exit.TotalSeconds:0.00} s without waits for a processor), "
                + $"the next stood {(stood - ended).TotalSeconds:0.00} s later with {work.TotalSeconds:0.00} s of CPU; "
                + $"clients had packets again after {longest:0.00} s at most");
            Assert.True(exit.TotalSeconds <= 0.5, $"{exit.TotalSeconds} s");
            Assert.All(
                all,
                client => Assert.True(client.LastFailure < stood, $"a dial failed at {client.LastFailure}, the relay stood at {stood}"));

            // The redial after 1.5 s must find the next process; what the start costs is its own.
            Assert.True((exit + work).TotalSeconds <= 1.5, $"{exit.TotalSeconds} s and {work.TotalSeconds} s");
            Assert.True(stood > Redials[3] || longest <= 3, $"{longest} s");
        }
        finally
        {
            await first.DisposeAsync();
            await (second?.DisposeAsync() ?? ValueTask.CompletedTask);
        }
    }

    /// <summary>
    /// The time in which any thread has waited for a processor since the machine's start (PSI). Zero where the kernel does not say it.
    /// </summary>
    private static TimeSpan CpuPressure()
    {
        const string File = "/proc/pressure/cpu";
        const string Total = "total=";
        if (!System.IO.File.Exists(File))
        {
            return TimeSpan.Zero;
        }

        var some = System.IO.File.ReadLines(File).First();
        var microseconds = some[(some.IndexOf(Total, StringComparison.Ordinal) + Total.Length)..];
        return TimeSpan.FromMicroseconds(long.Parse(microseconds, CultureInfo.InvariantCulture));
    }

    private static Task<EdgeProcess> StartAsync(TemporaryDirectory directory, string url) => EdgeProcess.StartAsync(
        directory.Path, "--urls", url, "--Edge:Admin:Url=http://127.0.0.1:0", "--Edge:Mode=relay",
        "--Edge:Limits:MaxConnectionsPerAddress=0");

    /// <summary>The time from its close to its next packet, and when since the stop its last dial began that failed.</summary>
    private async Task<(TimeSpan Away, TimeSpan LastFailure)> ComeBackAsync(DerpPeer client, Uri url, NodePrivateKey key)
    {
        await client.AssertRestartingAsync();
        var closed = Stopwatch.StartNew();
        client.Dispose();
        var failed = TimeSpan.Zero;
        foreach (var redial in Redials)
        {
            var wait = redial - closed.Elapsed;
            await Task.Delay(wait > TimeSpan.Zero ? wait : TimeSpan.Zero);
            var dialed = _sinceStop.Elapsed;
            try
            {
                using var again = await DerpPeer.JoinAsync(url, key);
                await again.AssertAliveAsync();
                return (closed.Elapsed, failed);
            }
            catch (Exception error) when (error is SocketException or IOException or Xunit.Sdk.XunitException)
            {
                // Nobody listens yet, or the first process does for the last time.
                failed = dialed;
            }
        }

        throw new TimeoutException("The relay did not come back.");
    }
}
