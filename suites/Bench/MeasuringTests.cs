using System.Diagnostics;
using System.Globalization;
using Load;
using Load.Clients;
using Load.Measuring;
using Load.Scenarios;

namespace Bench;

public sealed class MeasuringTests
{
    private const string Stat =
        "4242 (a (b) c) S 17 4242 4242 0 -1 4194560 900 0 0 0 250 75 11 12 20 0 9 0 100 5000000 2500 18446744073709551615 1 1 0 0 0 0 0 0 "
            + "0 0 0 0 17 0 0 0 0 0 0";

    [Fact]
    public void ProcessorTimeIsUserAndSystemEvenBehindAnOddName() => Assert.Equal((17, 3.25), ProcText.Stat(Stat));

    [Fact]
    public void WhatIsCutReadsAsNothing()
    {
        var complete = Stat.Split(' ').Take(17).Sum(static field => field.Length + 1) - 1;
        for (var length = 0; length < Stat.IndexOf(" 75", StringComparison.Ordinal) + 2; length++)
        {
            Assert.Null(ProcText.Stat(Stat[..length]));
        }

        Assert.NotNull(ProcText.Stat(Stat[..complete]));
    }

    [Theory]
    [InlineData("cpu  10 0 20 60 0 1 2 7 5 0\ncpu0 1 1 1 1 1 1 1 1 1 1\n", 100, 7)]
    [InlineData("cpu  10 0 20 60", 0, 0)]
    [InlineData("", 0, 0)]
    public void StolenTimeIsTheEighthFieldOfAllProcessors(string text, long all, long stolen) =>
        Assert.Equal((all, stolen), ProcText.Processors(text));

    [Theory]
    [InlineData("VmRSS", 5120L)]
    [InlineData("voluntary_ctxt_switches", 150L)]
    [InlineData("Vm", null)]
    [InlineData("Name", null)]
    public void ALineIsFoundByItsWholeName(string name, long? expected) =>
        Assert.Equal(
            expected,
            ProcText.Line("Name:\tedge\nVmRSS:\t    5120 kB\nnonvoluntary_ctxt_switches:\t3\nvoluntary_ctxt_switches:\t150\n", name));

    [Fact]
    public void AProcessIsChargedForItsChildren()
    {
        using var shell = Process.Start("sh", ["-c", "sleep 20 & wait"]);
        try
        {
            var alone = ProcText.Line(File.ReadAllText($"/proc/{shell.Id.ToString(CultureInfo.InvariantCulture)}/status"), "VmHWM");
            Assert.True(SpinWait.SpinUntil(() => ProcessCost.Of(shell.Id).PeakKiB > alone, TimeSpan.FromSeconds(20)));
        }
        finally
        {
            shell.Kill(entireProcessTree: true);
        }
    }

    [Fact]
    public void AnOpenLoopKeepsItsPaceAndChargesForBeingHeldUp()
    {
        var start = Stopwatch.GetTimestamp();
        var schedule = new OpenLoop(1000);
        schedule.Next();
        while (Stopwatch.GetElapsedTime(start).TotalMilliseconds < 30)
        {
            Thread.SpinWait(100); // As a send that blocks would.
        }

        // The second message was due after 2 ms and counts from then, not from now.
        Assert.InRange(Stopwatch.GetElapsedTime(start, schedule.Next()).TotalMilliseconds, 1.9, 29);
    }

    [Theory]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", true)]
    [InlineData("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\no", false)]
    [InlineData("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n", true)]
    [InlineData("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n", false)]
    [InlineData("HTTP/1.1 200 OK\r\nContent-", false)]
    public void AnAnswerIsWholeWithItsBody(string answer, bool whole) =>
        Assert.Equal(whole, Rest.IsWhole(System.Text.Encoding.ASCII.GetBytes(answer)));

    [Fact]
    public void AnAnswerThatIsNoSuccessIsNotCounted() =>
        Assert.Throws<IOException>(() => Rest.IsWhole("HTTP/1.1 502 Bad Gateway\r\n\r\n"u8));

    [Fact]
    public void WebSocketMessagesCarryTheBytesOfAStream()
    {
        using var wire = new MemoryStream();
        int[] sizes = [1, 125, 126, 65_535, 65_536, 100_000];
        Span<byte> header = stackalloc byte[14];
        foreach (var size in sizes)
        {
            wire.Write(header[..WebSocketBytes.WriteHeader(header, size, masked: false)]);
            wire.Write(Enumerable.Range(0, size).Select(static i => (byte)i).ToArray());
        }

        wire.Position = 0;
        using var stream = new WebSocketBytes(wire);
        foreach (var size in sizes)
        {
            var payload = new byte[size];
            stream.ReadExactly(payload);
            Assert.All(payload.Index(), static one => Assert.Equal((byte)one.Index, one.Item));
        }
    }

    [Fact]
    public void PingsInAWebSocketAreAnsweredAndAreNotPartOfTheBytes()
    {
        using var wire = new TwoWay([0x82, 1, (byte)'a', 0x89, 2, 7, 8, 0x8a, 0, 0x82, 1, (byte)'b']);
        using var stream = new WebSocketBytes(wire);
        var got = new byte[2];
        stream.ReadExactly(got);
        Assert.Equal("ab"u8.ToArray(), got);
        Assert.Equal([0x8a, 0x82, 0, 0, 0, 0, 7, 8], wire.Written.ToArray());
    }

    [Theory]
    [InlineData("1234,,raw_syscalls:sys_enter,400,100.00,,\n", 1234.0)]
    [InlineData("<not counted>,,raw_syscalls:sys_enter,0,100.00,,\n", null)]
    [InlineData("event syntax error: 'raw_syscalls:sys_enter'\n", null)]
    [InlineData("", null)]
    public void SystemCallsAreReadFromPerf(string text, double? expected) => Assert.Equal(expected, SystemCallCounter.ReadPerf(text));

    [Theory]
    [InlineData("% time     seconds  usecs/call     calls    errors syscall\n 60.00    0.000600           1       500           read\n"
        + "100.00    0.001000           1       777        12 total\n", 777.0)]
    [InlineData("100.00    0.001000           1       777           total\n", 777.0)]
    [InlineData("strace: attach: ptrace(PTRACE_SEIZE, 1): Operation not permitted\n", null)]
    public void SystemCallsAreReadFromStrace(string text, double? expected) => Assert.Equal(expected, SystemCallCounter.ReadStrace(text));

    [Fact]
    public void AllocatedBytesAreReadFromMetrics()
    {
        const string Text = "# TYPE dotnet_gc_heap_total_allocated_bytes_total counter\n"
            + "dotnet_gc_heap_total_allocated_bytes_total 1234567\ndotnet_other 5\n";
        Assert.Equal(1234567, AllocatedBytes.Sum(Text));
        Assert.Null(AllocatedBytes.Sum("dotnet_other 5\n"));
    }

    [Theory]
    [InlineData("--rounds", "0")]
    [InlineData("--rounds", "x")]
    [InlineData("--against", "apache")]
    [InlineData("--set", "colour=3")]
    [InlineData("--sweep", "pairs=1,two")]
    [InlineData("--nonsense", "1")]
    [InlineData("--json")]
    public void WrongArgumentsAreRefused(params string[] args) => Assert.Throws<FormatException>(() => Options.Read(args));

    [Fact]
    public void ASweepMakesAStepForEachValue()
    {
        var options = Options.Read(["derp-throughput", "--sweep", "pairs=1,10", "--set", "size=64"]);
        Assert.Equal([(1, 64), (10, 64)], options.Points(options.Scenarios()[0]).Select(static point => (point["pairs"], point["size"])));
    }

    [Fact]
    public void AComparisonOfAScenariosOwnGivesWayToTheCommandLine()
    {
        int[] BulkTransfers(params string[] args)
        {
            var options = Options.Read(["pty", .. args]);
            return [.. options.Points(options.Scenarios()[0]).Select(static point => point["bulk"])];
        }

        Assert.Equal([0, 4], BulkTransfers());
        Assert.Equal([9], BulkTransfers("--set", "bulk=9"));
        Assert.Equal([1, 2], BulkTransfers("--sweep", "bulk=1,2"));
        Assert.Equal([0, 4], BulkTransfers("--syscalls", "--set", "interactive=2"));
    }

    /// <summary>A wire whose incoming bytes are given, and which keeps what is written.</summary>
    private sealed class TwoWay(byte[] incoming) : MemoryStream(incoming)
    {
        public List<byte> Written { get; } = [];

        public override void Write(ReadOnlySpan<byte> buffer) => Written.AddRange(buffer);
    }
}
