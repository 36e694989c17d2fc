using System.Text;
using LocalAgent;
using LocalAgent.Terminals;
using Microsoft.Extensions.Logging.Abstractions;

namespace Edge.Tests.LocalAgent;

/// <summary>Real shells on real pseudo-terminals.</summary>
public sealed class TerminalTests : IAsyncDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    // No prompt, nothing read at its start: the same on every machine.
    private const string Shell = "PS1='ready> ' ENV= exec /bin/sh -i";

    private readonly ManualTimeProvider _time = new();
    private readonly TerminalSessions _sessions;
    private readonly Guid _id = Guid.NewGuid();

    public TerminalTests() => _sessions = Sessions(new TerminalOptions());

    public ValueTask DisposeAsync() => _sessions.DisposeAsync();

    [Fact]
    public async Task WhatIsTypedIsEchoedAndRun()
    {
        using var viewer = Viewer.Attach(_sessions, _id, Shell);
        await viewer.UntilAsync("ready> ");
        await viewer.TypeAsync("echo $((6*7)) $TERM; test -t 0 && tty\r");
        var output = await viewer.UntilAsync("/dev/pts/");
        Assert.Contains("echo $((6*7)) $TERM", output, StringComparison.Ordinal);
        Assert.Contains("42 xterm-256color\r\n", output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task TheLoginShellIsTheUsersAndLeadsTheTerminalsSession()
    {
        using var viewer = Viewer.Attach(_sessions, _id);
        await viewer.TypeAsync("stty -echo; echo shell=$0; ps -o sid= -o tpgid= -p $$ | awk '{print \"session\", ($1 > 0 && $2 > 0)}'\r");
        var output = await viewer.UntilAsync("session 1");
        Assert.Contains("shell=", output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task AReaderContinuesOnTheThreadOfTheTerminal()
    {
        using var viewer = Viewer.Attach(_sessions, _id, "read x; echo done; read y");
        var thread = ReadAsync(viewer.Attachment);
        await viewer.TypeAsync("a\r");
        Assert.Equal("terminal", await thread.WaitAsync(Patience));

        static async Task<string?> ReadAsync(TerminalAttachment attachment)
        {
            await attachment.ReadAsync(new byte[64], CancellationToken.None).ConfigureAwait(false);
            return Thread.CurrentThread.Name;
        }
    }

    [Fact]
    public async Task ACancelledReadLosesNoOutput()
    {
        using var viewer = Viewer.Attach(_sessions, _id, "read x; echo got=$x; read y");
        using var cancel = new CancellationTokenSource();
        var reading = viewer.Attachment.ReadAsync(new byte[64], cancel.Token).AsTask();
        await cancel.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => reading.WaitAsync(Patience));
        await Assert.ThrowsAnyAsync<OperationCanceledException>(
            () => viewer.Attachment.ReadAsync(new byte[64], cancel.Token).AsTask().WaitAsync(Patience));

        await viewer.TypeAsync("hello\r");
        await viewer.UntilAsync("got=hello");
    }

    [Fact]
    public async Task ItsSizeIsTheLastOneSet()
    {
        using var first = Viewer.Attach(_sessions, _id, Shell, height: 30, width: 100);
        await first.UntilAsync("ready> ");
        await first.TypeAsync("stty size\r");
        await first.UntilAsync("30 100\r\n");

        using var second = Viewer.Attach(_sessions, _id, height: 40, width: 120);
        await first.TypeAsync("stty size\r");
        await first.UntilAsync("40 120\r\n");

        first.Attachment.Resize(25, 0);
        first.Attachment.Resize(26, 90);
        await first.TypeAsync("stty size\r");
        await first.UntilAsync("26 90\r\n");

        first.Attachment.Resize(65535, 65535);
        await first.TypeAsync("stty size\r");
        await first.UntilAsync("2000 2000\r\n");
    }

    [Fact]
    public async Task TenThousandSizesLeaveItUsable()
    {
        using var viewer = Viewer.Attach(_sessions, _id, Shell);
        await viewer.UntilAsync("ready> ");
        for (var i = 0; i < 10_000; i++)
        {
            viewer.Attachment.Resize((ushort)(10 + (i % 50)), (ushort)(20 + (i % 100)));
        }

        await viewer.TypeAsync("stty size\r");
        await viewer.UntilAsync("59 119\r\n");
    }

    [Fact]
    public async Task WhatTheAgentIgnoresItsTerminalsDoNot()
    {
        // This process ignores at least SIGPIPE, as the runtime does.
        Assert.DoesNotMatch("SigIgn:\\s+0+\n", await File.ReadAllTextAsync("/proc/self/status"));
        using var viewer = Viewer.Attach(_sessions, _id, "grep SigIgn /proc/self/status");
        Assert.Matches("SigIgn:\\s+0+\r\n", await viewer.ToEndAsync());
    }

    [Fact]
    public async Task ControlCInterruptsWhatRuns()
    {
        using var viewer = Viewer.Attach(_sessions, _id, Shell);
        await viewer.UntilAsync("ready> ");

        // A shell that has not yet started the command may miss the signal: the command itself says when it runs.
        await viewer.TypeAsync("sh -c 'echo run\"\"ning; exec sleep 1000'\r");
        await viewer.UntilAsync("running\r\n");
        await viewer.TypeAsync("\x03");
        await viewer.UntilAsync("ready> ");
        await viewer.TypeAsync("cat\r");
        await viewer.TypeAsync("one line\r");
        await viewer.UntilAsync("one line\r\none line\r\n");
        await viewer.TypeAsync("\u0004echo after\r");
        await viewer.UntilAsync("echo after\r\n");
        await viewer.UntilAsync("after\r\n");
    }

    [Fact]
    public async Task JobsCanBeStoppedAndContinued()
    {
        using var viewer = Viewer.Attach(_sessions, _id, Shell);
        await viewer.UntilAsync("ready> ");
        await viewer.TypeAsync("cat\r");
        await viewer.TypeAsync("it runs\r");
        await viewer.UntilAsync("it runs\r\nit runs\r\n");
        await viewer.TypeAsync("\x1a");
        await viewer.UntilAsync("Stopped");
        await viewer.TypeAsync("jobs; fg\r");
        await viewer.UntilAsync("\r\ncat\r\n");
        await viewer.TypeAsync("again\r");
        await viewer.UntilAsync("again\r\nagain\r\n");
    }

    [Fact]
    public async Task ColoursAndWideCharactersPassUnchanged()
    {
        using var viewer = Viewer.Attach(_sessions, _id, "printf '\\033[31mr\\303\\251d\\033[0m 漢'");
        Assert.Equal("\x1b[31mréd\x1b[0m 漢", await viewer.ToEndAsync());
    }

    [Fact]
    public async Task ABackspaceErasesAWholeCharacter()
    {
        using var viewer = Viewer.Attach(_sessions, _id, "stty -echo; echo go; read line; printf %s \"$line\" | od -An -c");
        await viewer.UntilAsync("go");
        await viewer.TypeAsync("aé\u007fb\r");
        await viewer.UntilAsync("a   b\r\n");
    }

    [Fact]
    public async Task TheEndOfTheProcessReachesEverybodyWithAllOfItsOutput()
    {
        using var first = Viewer.Attach(_sessions, _id, "echo begin; read x; seq 1 3000; echo the end");
        using var second = Viewer.Attach(_sessions, _id);
        await first.UntilAsync("begin");
        await first.TypeAsync("\r");
        var all = await Task.WhenAll(first.ToEndAsync(), second.ToEndAsync()).WaitAsync(Patience);
        Assert.All(all, static seen => Assert.EndsWith("2999\r\n3000\r\nthe end\r\n", seen, StringComparison.Ordinal));
        Assert.Equal(all[0], all[1]);
        await Eventually.TrueAsync(() => _sessions.Count == 0, "its place is free");
    }

    [Fact]
    public async Task ABackgroundProcessDoesNotKeepItOpen()
    {
        using var viewer = Viewer.Attach(_sessions, _id, "trap '' HUP; sleep 1000 & echo $!; exit 0");
        await viewer.ToEndAsync();
        using var kill = System.Diagnostics.Process.Start("kill", ["-KILL", viewer.Seen.Trim()]);
        await kill.WaitForExitAsync();
        Assert.Equal(0, kill.ExitCode);
    }

    [Fact]
    public async Task OneReaderLosesNothingHoweverMuchComes()
    {
        using var viewer = Viewer.Attach(_sessions, _id, "seq 1 200000; echo done");
        var seen = await viewer.ToEndAsync();
        Assert.Equal(string.Concat(Enumerable.Range(1, 200_000).Select(static i => $"{i}\r\n")) + "done\r\n", seen);
    }

    [Fact]
    public async Task WhoComesLaterSeesTheLastOutput()
    {
        using (var first = Viewer.Attach(
            _sessions,
            _id,
            "i=0; while [ $i -lt 4000 ]; do printf '\\033[3%dm漢%d\\033[0m\\r\\n' $((i % 8)) $i; i=$((i+1)); done; echo end; read x"))
        {
            await first.UntilAsync("end\r\n");
        }

        using var second = Viewer.Attach(_sessions, _id);
        var seen = await second.UntilAsync("end\r\n");
        Assert.InRange(Encoding.UTF8.GetByteCount(seen), 60_000, 65_536);
        Assert.Matches(@"\A(\x1b\[3\dm|漢|\d|\x1b\[0m|\r|\n)", seen);
        Assert.DoesNotContain('\uFFFD', seen);
    }

    [Fact]
    public async Task OneThatDoesNotReadDelaysNobodyAndIsResynchronised()
    {
        using var slow = Viewer.Attach(_sessions, _id, "echo go; read x; seq 1 100000; echo all of it; read x");
        using var fast = Viewer.Attach(_sessions, _id);
        await fast.UntilAsync("go");
        await fast.TypeAsync("\r");
        Assert.Contains("\r\n50000\r\n", await fast.UntilAsync("all of it"), StringComparison.Ordinal);

        var seen = await slow.UntilAsync("all of it");
        Assert.Contains("\x18\x1b[0m", seen, StringComparison.Ordinal);
        Assert.True(Encoding.UTF8.GetByteCount(seen) < 70_000);
        Assert.Contains("\r\n99999\r\n100000\r\nall of it", seen, StringComparison.Ordinal);
    }

    [Fact]
    public async Task BulkTransfersLeaveRoomForTyping()
    {
        await using var sessions = new TerminalSessions(new TerminalOptions(), TimeProvider.System, NullLogger<TerminalSessions>.Instance);
        var viewers = Enumerable.Range(0, 4).Select(_ => Viewer.Attach(sessions, Guid.NewGuid(), "yes")).ToArray();
        foreach (var viewer in viewers)
        {
            await viewer.UntilAsync("y\r\n");
        }

        using var stop = new CancellationTokenSource();
        var bulkTransfers = viewers.Select(viewer => Task.Run(async () =>
        {
            using (viewer)
            {
                var buffer = new byte[32 * 1024];
                while (!stop.IsCancellationRequested)
                {
                    Assert.True(await viewer.Attachment.ReadAsync(buffer, CancellationToken.None) > 0);
                }
            }
        })).ToArray();

        using var typist = Viewer.Attach(sessions, _id, "stty -icanon -echo; echo go; exec cat");
        await typist.UntilAsync("go");
        for (var i = 0; i < 50; i++)
        {
            await typist.TypeAsync($"key{i};");
            await typist.UntilAsync($"key{i};");
        }

        await stop.CancelAsync();
        await Task.WhenAll(bulkTransfers).WaitAsync(Patience);
    }

    [Fact]
    public async Task AProgramThatTakesNoInputHoldsItsTypistAndNobodyElse()
    {
        using var typist = Viewer.Attach(_sessions, _id, "stty raw -echo; echo go; exec sleep 1000");
        await typist.UntilAsync("go");
        using var stop = new CancellationTokenSource();
        var typing = typist.Attachment.WriteAsync(new byte[1_000_000], stop.Token);
        Assert.False(typing.IsCompleted);

        using var other = Viewer.Attach(_sessions, Guid.NewGuid(), "echo fine");
        Assert.Equal("fine\r\n", await other.ToEndAsync());
        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => typing);
    }

    [Fact]
    public async Task ADetachedTerminalLivesForItsTimeAndNoLonger()
    {
        using (var first = Viewer.Attach(_sessions, _id, Shell))
        {
            await first.UntilAsync("ready> ");
            await first.TypeAsync("x=kept\r");
            await first.UntilAsync("ready> ");
        }

        _time.Advance(TimeSpan.FromMinutes(4.9));
        using (var second = Viewer.Attach(_sessions, _id))
        {
            await second.TypeAsync("echo it is $x\r");
            await second.UntilAsync("it is kept\r\n");
            _time.Advance(TimeSpan.FromHours(1));
            Assert.Equal(1, _sessions.Count);
        }

        _time.Advance(TimeSpan.FromMinutes(5));
        await Eventually.TrueAsync(() => _sessions.Count == 0, "the terminal has ended");
        using var third = Viewer.Attach(_sessions, _id, "echo new");
        Assert.Equal("new\r\n", await third.ToEndAsync());
    }

    [Fact]
    public async Task WhoAsksForAShellOfBeforeGetsItOrNone()
    {
        using var viewer = Viewer.Attach(_sessions, _id, "read x; echo got=$x");
        var shell = viewer.Attachment.Shell;
        using var same = _sessions.Attach(new TerminalRequest(_id, 24, 80, "", shell));
        Assert.Equal(shell, same.Shell);
        Refuses(_id, Guid.NewGuid());
        Refuses(Guid.NewGuid(), shell);
        Assert.Equal(1, _sessions.Count);

        await viewer.TypeAsync("end\r");
        await viewer.ToEndAsync();
        Refuses(_id, shell);
        using var next = Viewer.Attach(_sessions, _id, "read x");
        Assert.NotEqual(shell, next.Attachment.Shell);
        Refuses(_id, shell);

        void Refuses(Guid id, Guid wanted) =>
            Assert.Equal(
                410,
                Assert.Throws<RefusalException>(() => _sessions.Attach(new TerminalRequest(id, 24, 80, "", wanted))).Status);
    }

    [Fact]
    public async Task ThousandsOfIdsGetNoMoreThanTheTerminalsThereMayBe()
    {
        await using var sessions = Sessions(new TerminalOptions { MaxSessions = 3, MaxAttachments = 2 });
        var ids = Enumerable.Range(0, 3).Select(_ => Guid.NewGuid()).ToArray();
        var viewers = ids.Select(id => Viewer.Attach(sessions, id, "cat")).ToArray();
        for (var i = 0; i < 3_000; i++)
        {
            var refusal = Assert.Throws<RefusalException>(() => Viewer.Attach(sessions, Guid.NewGuid(), "cat"));
            Assert.Equal((429, "there are 3 terminals already"), (refusal.Status, refusal.Message));
        }

        using var other = sessions.Attach(new TerminalRequest(ids[0], 24, 80, ""));
        Assert.Equal(429, Assert.Throws<RefusalException>(() => Viewer.Attach(sessions, ids[0])).Status);

        // A detached terminal still counts; one that has ended makes room.
        viewers[1].Dispose();
        Assert.Equal(3, sessions.Count);
        await viewers[2].TypeAsync("\x04");
        await viewers[2].ToEndAsync();
        await Eventually.TrueAsync(
            () =>
            {
                try
                {
                    Viewer.Attach(sessions, Guid.NewGuid(), "cat").Dispose();
                    return true;
                }
                catch (RefusalException)
                {
                    return false;
                }
            },
            "there is room again");
    }

    // The clock stands, so that nothing may have to wait for a share of the output.
    private TerminalSessions Sessions(TerminalOptions options) =>
        new(options with { OutputBurst = int.MaxValue }, _time, NullLogger<TerminalSessions>.Instance)
        {
            Shell = UserShell.Find() with { Home = EmptyHome.Path },
        };
}
