using Load.Clients;
using Load.Measuring;
using Load.Servers;

namespace Load.Scenarios;

/// <summary>
/// Pairs of an agent and a client that opened a tunnel to it, over an edge before an API server, in fresh processes: the memory of their
/// sessions; then agents tell new nodes at a rate, on a schedule that waits for no answer, until their clients have heard of them.
/// </summary>
internal sealed class CoordinateUpdates() : Scenario(
    "coordinate", "updates of nodes from agents to clients, edge and API server together", ServerRole.Coordination, "cpu_us_per_update",
    ("pairs", 200), ("rate", 500))
{
    private const int ConnectsAtOnce = 16;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    public override bool Fresh => true;

    public override async Task<Dictionary<string, double>> MeasureAsync(Round round, IReadOnlyDictionary<string, int> parameters)
    {
        var (edge, api, pairs, rate) = (round.Server, round.Server.Others[0], parameters["pairs"], parameters["rate"]);
        var session = Bootstrap.Read(api.DataDirectory!).SessionToken;
        var made = Agents.Make(Path.Combine(api.DataDirectory!, "edge.db"), pairs);
        var empty = (Edge: ProcessCost.Of(edge.Id), Api: ProcessCost.Of(api.Id));
        var (warming, counted) = ((int)(rate * round.WarmUp), Math.Max(1, (int)(rate * round.Seconds)));
        var updates = new Updates(warming + counted);
        var agents = new CoordinationPeer?[pairs];
        var clients = new CoordinationPeer?[pairs];
        try
        {
            await Parallel.ForAsync(0, pairs, new ParallelOptions { MaxDegreeOfParallelism = ConnectsAtOnce }, async (i, _) =>
            {
                agents[i] = await CoordinationPeer.ConnectAsync(
                    edge.Address, "me/rpc?version=2.10&role=load", made[i].Token.ToString(), null, static _ => { });
                clients[i] = await CoordinationPeer.ConnectAsync(
                    edge.Address, $"{made[i].Id}/coordinate?version=2.0", session, made[i].Id, node => updates.Heard((int)node.Id));
            });
            await Task.Delay(TimeSpan.FromSeconds(round.WarmUp));
            var idle = (Edge: ProcessCost.Of(edge.Id), Api: ProcessCost.Of(api.Id));
            await SendAsync(agents, updates, rate, 1, warming);
            updates.Latencies.Begin();
            var before = (Edge: ProcessCost.Of(edge.Id), Api: ProcessCost.Of(api.Id));
            await SendAsync(agents, updates, rate, warming + 1, counted);
            await updates.WaitAsync(Patience);
            var after = (Edge: ProcessCost.Of(edge.Id), Api: ProcessCost.Of(api.Id));
            var (edgeTime, apiTime) = (after.Edge.Processor - before.Edge.Processor, after.Api.Processor - before.Api.Processor);
            var figures = new Dictionary<string, double>
            {
                ["cpu_us_per_update"] = (edgeTime + apiTime) * 1e6 / counted,
                ["edge_cpu_us_per_update"] = edgeTime * 1e6 / counted,
                ["api_cpu_us_per_update"] = apiTime * 1e6 / counted,
                ["edge_KiB_per_session"] = (idle.Edge.ResidentKiB - empty.Edge.ResidentKiB) / (2.0 * pairs),
                ["api_KiB_per_session"] = (idle.Api.ResidentKiB - empty.Api.ResidentKiB) / (2.0 * pairs),
                ["edge_peak_MiB"] = after.Edge.PeakKiB / 1024.0,
                ["api_peak_MiB"] = after.Api.PeakKiB / 1024.0,
                ["heard_percent"] = updates.HeardPercent,
                ["sessions_ended"] = agents.Concat(clients).Count(static peer => peer!.Ended.IsCompleted),
            };
            updates.Latencies.Report(figures);
            return figures;
        }
        catch (System.Net.WebSockets.WebSocketException exception)
        {
            throw new IOException("a session could not be opened", exception);
        }
        finally
        {
            foreach (var peer in agents.Concat(clients))
            {
                peer?.Dispose();
            }
        }
    }

    private static async Task SendAsync(CoordinationPeer?[] agents, Updates updates, int rate, int first, int count)
    {
        var schedule = new OpenLoop(rate);
        for (var id = first; id < first + count; id++)
        {
            updates.Sent(id, schedule.Next());
            await agents[id % agents.Length]!.UpdateAsync(id);
        }
    }

    /// <summary>
    /// The time at which each update was due, and which updates have arrived. If a newer node replaced one before its client
    /// read it, only the newer one arrives.
    /// </summary>
    private sealed class Updates(int total)
    {
        private readonly long[] _due = new long[total + 1];
        private readonly TaskCompletionSource _all = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private int _heard;

        public Latencies Latencies { get; } = new();

        public double HeardPercent => 100.0 * Volatile.Read(ref _heard) / total;

        public void Sent(int id, long due) => Volatile.Write(ref _due[id], due);

        public void Heard(int id)
        {
            if (id > 0)
            {
                Latencies.AddSince(Volatile.Read(ref _due[id]));
                if (Interlocked.Increment(ref _heard) == total)
                {
                    _all.TrySetResult();
                }
            }
        }

        /// <summary>Waits until all were heard of, or no more come: several updates of one agent may be told as one.</summary>
        public async Task WaitAsync(TimeSpan patience)
        {
            var last = -1;
            for (var waited = TimeSpan.Zero;
                waited < patience && !_all.Task.IsCompleted && last != Volatile.Read(ref _heard);
                waited += TimeSpan.FromSeconds(1))
            {
                last = Volatile.Read(ref _heard);
                await Task.WhenAny(_all.Task, Task.Delay(TimeSpan.FromSeconds(1)));
            }
        }
    }
}
