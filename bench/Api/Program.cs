using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Text.Json;
using ApiLoad;
using Load.Clients;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;

const string Usage = """
    Api backend <port> <url> <data directory>      answers every request with what GET {id} of that node answers now
    Api ingest <url> <data directory> <seconds> <pid>...
    Api stats  <url> <data directory> <seconds> <pid>...
    Api get    <url> <data directory> <seconds> <pid>...
    """;

if (args is not [var command, var first, ..] || args.Length < (command == "backend" ? 4 : 5))
{
    Console.Error.WriteLine(Usage);
    return 1;
}

if (command == "backend")
{
    using var node = new HttpClient { BaseAddress = new Uri(args[2]) };
    var known = Bootstrap.Read(args[3]);
    node.DefaultRequestHeaders.Add(Bootstrap.Header, known.SessionToken);
    var body = await node.GetByteArrayAsync(known.AgentPath);
    var builder = WebApplication.CreateSlimBuilder();
    builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, int.Parse(first, CultureInfo.InvariantCulture)));
    await using var app = builder.Build();
    app.Run(context =>
    {
        context.Response.ContentType = "application/json; charset=utf-8";
        context.Response.ContentLength = body.Length;
        return context.Response.Body.WriteAsync(body, 0, body.Length);
    });
    await app.RunAsync();
    return 0;
}

// The client shares the processors with what it measures: its idle threads must not look for work.
AppContext.SetData("System.Threading.ThreadPool.UnfairSemaphoreSpinLimit", 0);
var (url, data, duration) = (new Uri(first), args[2], TimeSpan.FromSeconds(int.Parse(args[3], CultureInfo.InvariantCulture)));
var processes = args[4..].Select(static id => Process.GetProcessById(int.Parse(id, CultureInfo.InvariantCulture))).ToArray();
using var client = new HttpClient(new SocketsHttpHandler { MaxConnectionsPerServer = 64, UseCookies = false }) { BaseAddress = url };
var (done, failed, perRequest) = (0L, 0L, 1);
if (command == "stats")
{
    using var reports = new PacedReports(
        url,
        Agents.Make(Path.Combine(data, "edge.db"), 2000).Select(static agent => agent.Token),
        connections: 64,
        rate: 2000 / 15.0,
        """{"connections_by_proto":{"TCP":2},"connection_count":2,"rx_packets":10,"rx_bytes":1000,"tx_packets":10,"tx_bytes":"""
            + """1000,"session_count_ssh":1}""");

    // At this rate it takes the runtime longer to have compiled all.
    reports.Run(Warm(TimeSpan.FromSeconds(20)));
    return await ReportAsync(() =>
    {
        (done, failed) = reports.Run(duration);
        return Task.CompletedTask;
    });
}

const int Senders = 32;
Func<int, HttpRequestMessage> request;
double rate;
switch (command)
{
    case "ingest":
        // 20,000 lines a second: 200 batches of 100.
        var writers = Agents.Make(Path.Combine(data, "edge.db"), 200);
        var lines = JsonSerializer.SerializeToUtf8Bytes(new
        {
            logs = Enumerable.Range(0, 100)
                .Select(static i => new { created_at = "2026-01-01T00:00:00Z", level = "info", output = $"line {i} of a build, somewhat" }),
        });
        (rate, perRequest) = (200, 100);
        request = i => Json(HttpMethod.Patch, "/api/v2/workspaceagents/me/logs", writers[i % writers.Count].Token.ToString(), lines);
        break;
    case "get":
        var known = Bootstrap.Read(data);
        rate = double.PositiveInfinity;
        request = _ => Json(HttpMethod.Get, known.AgentPath, known.SessionToken, null);
        break;
    default:
        Console.Error.WriteLine(Usage);
        return 1;
}

// The first requests only warm up: JIT compilation does not count.
await RunAsync(Warm(TimeSpan.FromSeconds(5)));
(done, failed) = (0, 0);
return await ReportAsync(() => RunAsync(duration));

TimeSpan Warm(TimeSpan most) => duration < most ? duration : most;

async Task<int> ReportAsync(Func<Task> run)
{
    var cpuBefore = Cpu();
    var clock = Stopwatch.StartNew();
    await run();
    var (seconds, cpu) = (clock.Elapsed.TotalSeconds, Cpu() - cpuBefore);
    Console.WriteLine(string.Create(
        CultureInfo.InvariantCulture,
        $"{command}: {done} requests in {seconds:F1} s ({done / seconds:F0}/s, {done * perRequest / seconds:F0} items/s), {failed} failed; "
            + $"servers used {cpu:F2} s of processor ({cpu / seconds:P1} of a core), {done / cpu:F0} requests for each second of it"));
    return failed == 0 ? 0 : 2;
}

async Task RunAsync(TimeSpan time)
{
    var next = -1;
    var started = Stopwatch.StartNew();
    await Task.WhenAll(Enumerable.Range(0, Senders).Select(async _ =>
    {
        while (started.Elapsed < time)
        {
            var i = Interlocked.Increment(ref next);
            if (!double.IsInfinity(rate) && TimeSpan.FromSeconds(i / rate) - started.Elapsed is var early && early > TimeSpan.Zero)
            {
                await Task.Delay(early);
            }

            using var message = request(i);
            using var answer = await client.SendAsync(message);
            await answer.Content.ReadAsByteArrayAsync();
            Interlocked.Increment(ref answer.IsSuccessStatusCode ? ref done : ref failed);
        }
    }));
}

double Cpu()
{
    return processes.Sum(static process =>
    {
        process.Refresh();
        return process.TotalProcessorTime.TotalSeconds;
    });
}

static HttpRequestMessage Json(HttpMethod method, string path, string token, byte[]? body)
{
    var message = new HttpRequestMessage(method, path);
    message.Headers.Add(Bootstrap.Header, token);
    if (body is not null)
    {
        message.Content = new ByteArrayContent(body);
        message.Content.Headers.ContentType = new MediaTypeHeaderValue("application/json");
    }

    return message;
}
