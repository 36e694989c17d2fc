using System.Globalization;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json;
using Load;
using Load.Floor;
using Load.Measuring;
using Load.Report;
using Load.Results;
using Load.Scenarios;
using Load.Servers;
using Load.Yarp;

const string Usage = """
    Load run <scenario>…|all [--against installed|base,floor,derplimit,derper,haproxy,haproxy-64k,haproxy-splice,nginx,yarp]
             [--rounds 6] [--seconds 2] [--warm-up 1] [--set name=value] [--sweep name=1,10,100]
             [--path server=file] [--syscalls] [--json file]
    Load report <results.json>… [--out report.html] [--plots directory]
    Load smoke [--json file]
    Load list
    Exit codes: 0 done; 1 a measurement or a gate failed; 2 wrong arguments.
    """;

if (args is ["run" or "smoke", ..])
{
    // Clients share the processors with the servers that they measure, so their idle threads must not spin. The
    // servers of this program keep the default.
    AppContext.SetData("System.Threading.ThreadPool.UnfairSemaphoreSpinLimit", 0);
}

try
{
    switch (args)
    {
        case ["list"]:
            foreach (var scenario in Catalog.All)
            {
                Console.WriteLine($"{scenario.Name,-16} {scenario.Summary}; compares {scenario.Main}; "
                    + string.Join(
                        " ",
                        scenario.Defaults.Select(static one => string.Create(CultureInfo.InvariantCulture, $"{one.Key}={one.Value}"))));
            }

            return 0;
        case ["run", .. var rest]:
            return await RunAsync(Options.Read(rest));
        case ["smoke", .. var rest]:
            return await Smoke.RunAsync(Options.Read(rest));
        case ["report", .. var rest]:
            var options = Options.Read(rest);
            Report(options);
            return 0;
        case ["floor", var port]:
            FloorProgram.Run(Whole(port), null);
            return 0;
        case ["floor", var port, var backend]:
            FloorProgram.Run(Whole(port), Whole(backend));
            return 0;
        case ["yarp", var port, var backend]:
            YarpProgram.Run(Whole(port), Whole(backend), null);
            return 0;
        case ["yarp", var port, var backend, var certificate, var key]:
            YarpProgram.Run(Whole(port), Whole(backend), X509Certificate2.CreateFromPemFile(certificate, key));
            return 0;
        default:
            Console.Error.WriteLine(Usage);
            return args is ["--help"] or ["-h"] ? 0 : 2;
    }
}
catch (Exception exception) when (exception is FormatException or JsonException or FileNotFoundException)
{
    Console.Error.WriteLine(exception.Message);
    return 2;
}

static int Whole(string text) => int.Parse(text, CultureInfo.InvariantCulture);

static void Report(Options options)
{
    if (options.Names.Count == 0)
    {
        throw new FormatException("report needs a results file");
    }

    List<ResultFile> results = [.. options.Names.Select(ResultFile.Read)];
    HtmlReport.Write(results, options.Out);
    Console.WriteLine(options.Out);
    if (options.Plots is { } directory)
    {
        foreach (var (name, svg) in MainPlots.Of(results))
        {
            var file = Path.Combine(Directory.CreateDirectory(directory).FullName, name + ".svg");
            File.WriteAllText(file, svg);
            Console.WriteLine(file);
        }
    }
}

static async Task<int> RunAsync(Options options)
{
    var scenarios = options.Scenarios();
    if (scenarios.Count == 0)
    {
        throw new FormatException($"run needs a scenario: all, {string.Join(", ", Catalog.All.Select(static one => one.Name))}");
    }

    using var bench = new Bench(options.Paths);
    var against = options.Against.SelectMany(
        name => name == Options.Installed ? ServerCatalog.Names.Where(one => bench.Catalog.Missing(one) is null) : [name]);
    List<string> servers = [ServerCatalog.Edge, .. against.Where(static name => name != ServerCatalog.Edge).Distinct()];
    foreach (var reason in servers.Select(bench.Catalog.Missing).OfType<string>())
    {
        throw new FormatException(reason);
    }

    var counter = options.SystemCalls ? SystemCallCounter.Find() : null;
    if (options.SystemCalls)
    {
        Console.Error.WriteLine(counter is null
            ? "System calls are not countable here: neither perf nor strace is allowed to."
            : $"System calls are counted with {counter.Name}.");
    }

    var (result, failures) = await bench.RunAsync(
        new Plan(scenarios, servers, options.Rounds, options.WarmUp, options.Seconds, options.Points) { SystemCalls = counter });
    if (options.Json is { } path)
    {
        result.Write(path);
    }

    Table.Print(Table.Of(result.Samples), Table.Steps(result.Samples), Console.Out);
    failures.ForEach(Console.Error.WriteLine);
    return failures.Count == 0 ? 0 : 1;
}
