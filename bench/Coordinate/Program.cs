using System.Diagnostics;
using System.Globalization;
using System.Text.Json.Nodes;
using Coordinate;

// Arguments: edge URL, data directory of the API server, its process id, the edge's process id, pairs, updates a second, seconds.
if (args.Length != 7)
{
    Console.Error.WriteLine("usage: Coordinate <edge-url> <data-directory> <api-pid> <edge-pid> <pairs> <updates-per-second> <seconds>");
    return 1;
}

var edge = new Uri(args[0]);
var (apiId, edgeId, pairs, rate, seconds) = (Whole(args[2]), Whole(args[3]), Whole(args[4]), Whole(args[5]), Whole(args[6]));
var session = JsonNode.Parse(File.ReadAllText(Path.Combine(args[1], "bootstrap.json")))!["session_token"]!.GetValue<string>();
var made = Agents.Make(Path.Combine(args[1], "edge.db"), pairs);
var (apiBefore, edgeBefore) = (ProcessCost.Of(apiId), ProcessCost.Of(edgeId));

// Update n of an agent was sent at _sent[n]; the client that hears of it says how long that was.
var total = rate * seconds;
var sent = new long[total + 1];
var latency = new double[total + 1];
var heard = 0;
var agents = new Peer[pairs];
var clients = new Peer[pairs];
await Parallel.ForAsync(0, pairs, new ParallelOptions { MaxDegreeOfParallelism = 16 }, async (i, _) =>
{
    agents[i] = await Peer.ConnectAsync(edge, "me/rpc?version=2.10&role=load", made[i].Token.ToString(), null, static _ => { });
    clients[i] = await Peer.ConnectAsync(edge, $"{made[i].Id}/coordinate?version=2.0", session, made[i].Id, node =>
    {
        if (node.Id > 0)
        {
            latency[node.Id] = Stopwatch.GetElapsedTime(sent[node.Id]).TotalMilliseconds;
            Interlocked.Increment(ref heard);
        }
    });
});
await Task.Delay(TimeSpan.FromSeconds(5));
var (apiIdle, edgeIdle) = (ProcessCost.Of(apiId), ProcessCost.Of(edgeId));
Report("sessions", 2 * pairs);
Report("API server: KiB a session", (apiIdle.ResidentKiB - apiBefore.ResidentKiB) / (2 * pairs));
Report("edge: KiB a session", (edgeIdle.ResidentKiB - edgeBefore.ResidentKiB) / (2 * pairs));

// First once as a whole: what the runtime compiles is not the figure.
await UpdateAsync();
Array.Clear(latency);
heard = 0;
(apiIdle, edgeIdle) = (ProcessCost.Of(apiId), ProcessCost.Of(edgeId));
var took = await UpdateAsync();
var (apiAfter, edgeAfter) = (ProcessCost.Of(apiId), ProcessCost.Of(edgeId));
var measured = latency.Where(static one => one > 0).Order().ToArray();
Report("updates a second", total / took.TotalSeconds);
Report("updates heard, of all in %", 100.0 * heard / total);
Report("p50 in ms", measured[measured.Length / 2]);
Report("p99 in ms", measured[measured.Length * 99 / 100]);
Report("API server: µs of processor an update", (apiAfter.Processor - apiIdle.Processor).TotalMicroseconds / total);
Report("edge: µs of processor an update", (edgeAfter.Processor - edgeIdle.Processor).TotalMicroseconds / total);
Report("API server: KiB a session under load", (apiAfter.ResidentKiB - apiBefore.ResidentKiB) / (2 * pairs));
Report("sessions that ended", agents.Concat(clients).Count(static peer => peer.Ended.IsCompleted));
foreach (var peer in agents.Concat(clients))
{
    peer.Dispose();
}

return 0;

async Task<TimeSpan> UpdateAsync()
{
    var start = Stopwatch.GetTimestamp();
    for (var next = 1; next <= total;)
    {
        var due = Math.Min(total, (int)(Stopwatch.GetElapsedTime(start).TotalSeconds * rate));
        for (; next <= due; next++)
        {
            sent[next] = Stopwatch.GetTimestamp();
            await agents[next % pairs].UpdateAsync(next);
        }

        await Task.Delay(1);
    }

    var took = Stopwatch.GetElapsedTime(start);
    await Task.Delay(TimeSpan.FromSeconds(2));
    return took;
}

static int Whole(string text) => int.Parse(text, CultureInfo.InvariantCulture);

static void Report(string what, double value) => Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{what}: {value:0.##}"));
