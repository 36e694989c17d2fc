using Load.Clients;
using Load.Measuring;
using Load.Servers;

namespace Load.Scenarios;

/// <summary>
/// The time from a keystroke to its echo in a terminal, on an open-loop schedule, alone and beside bulk transfers
/// in other terminals. The program is <c>cat</c>: it returns what is typed byte for byte.
/// </summary>
internal sealed class PtyKeystrokes() : ThreadedScenario(
    "pty", "keystrokes in terminals beside others that run yes", ServerRole.Terminals, "p99_us", ("interactive", 20), ("bulk", 4),
    ("rate", 200))
{
    private const string Echo = "stty -icanon -echo min 1 time 0; printf R; exec cat";

    /// <summary>Alone, and beside four bulk transfers.</summary>
    public override (string Name, int[] Values)? Steps => ("bulk", [0, 4]);

    public override Dictionary<string, double> Measure(Round round, IReadOnlyDictionary<string, int> parameters)
    {
        var account = Bootstrap.Read(round.Server.Others[0].DataDirectory!);
        var latencies = new Latencies();
        var transferred = 0L;
        var sessions = new List<Session>();
        var bulkTransfers = new List<TerminalClient>();
        var stop = false;
        Thread? typist = null;
        List<Thread> readers = [];
        try
        {
            for (var i = 0; i < parameters["interactive"]; i++)
            {
                var session = new Session(new TerminalClient(round.Server.Address, account, Echo));
                sessions.Add(session);
                session.AwaitReady();
                readers.Add(Wires.Run(() => session.Listen(latencies, ref stop)));
            }

            for (var i = 0; i < parameters["bulk"]; i++)
            {
                var terminal = new TerminalClient(round.Server.Address, account, "yes");
                bulkTransfers.Add(terminal);
                readers.Add(Wires.Run(() =>
                {
                    for (var buffer = new byte[64 * 1024]; !Volatile.Read(ref stop);)
                    {
                        Interlocked.Add(ref transferred, terminal.Read(buffer));
                    }
                }));
            }

            typist = Wires.Run(() =>
            {
                var schedule = new OpenLoop(parameters["rate"]);
                for (var i = 0; !Volatile.Read(ref stop); i = (i + 1) % sessions.Count)
                {
                    sessions[i].Type(schedule.Next());
                }
            });
            Thread.Sleep(TimeSpan.FromSeconds(round.WarmUp));
            latencies.Begin();
            var (before, bytes) = (round.Server.Cost(), Interlocked.Read(ref transferred));
            Thread.Sleep(TimeSpan.FromSeconds(round.Seconds));
            var figures = new Dictionary<string, double>();
            latencies.Report(figures);
            figures["bulk_MiB_per_s"] = (Interlocked.Read(ref transferred) - bytes) / round.Seconds / (1024 * 1024);
            figures["cpu_share"] = (round.Server.Cost().Processor - before.Processor) / round.Seconds;
            return figures;
        }
        finally
        {
            Volatile.Write(ref stop, true);
            typist?.Join();
            bulkTransfers.ForEach(static terminal => terminal.Interrupt());
            sessions.ForEach(static session => session.Terminal.Interrupt());
            readers.ForEach(static reader => reader.Join());
            bulkTransfers.ForEach(static terminal => terminal.Dispose());
            sessions.ForEach(static session => session.Terminal.Dispose());
        }
    }

    /// <summary>A terminal and when its keys were pressed that have not come back yet.</summary>
    private sealed class Session(TerminalClient terminal)
    {
        private readonly Queue<long> _pressed = [];

        public TerminalClient Terminal { get; } = terminal;

        /// <summary>Waits for the letter that its command prints first; a prompt or a banner may come before.</summary>
        public void AwaitReady()
        {
            Span<byte> buffer = stackalloc byte[4096];
            for (var last = (byte)0; last != 'R';)
            {
                var n = Terminal.Read(buffer);
                last = n > 0 ? buffer[n - 1] : throw new IOException("the terminal ended before its program ran");
            }
        }

        public void Type(long due)
        {
            lock (_pressed)
            {
                _pressed.Enqueue(due);
            }

            Terminal.Type("k");
        }

        public void Listen(Latencies latencies, ref bool stop)
        {
            for (var buffer = new byte[4096]; !Volatile.Read(ref stop);)
            {
                var n = Terminal.Read(buffer);
                if (n == 0)
                {
                    return;
                }

                lock (_pressed)
                {
                    for (; n > 0 && _pressed.TryDequeue(out var due); n--)
                    {
                        latencies.AddSince(due);
                    }
                }
            }
        }
    }
}
