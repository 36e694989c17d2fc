using System.Globalization;
using Load;
using Load.Floor;
using Load.Report;
using Load.Results;
using Load.Scenarios;
using Load.Servers;
using Load.Yarp;

const string Usage = """
    Load run <scenario>…|all [--against derplimit,derper,haproxy,nginx,yarp,floor] [--rounds 6] [--seconds 2] [--warm-up 1]
             [--set name=value] [--sweep name=1,10,100] [--path server=file] [--json file]
    Load report <results.json>… [--out report.html]
    Load smoke [--json file]
    Load list
    Exit codes: 0 done; 1 a measurement or a gate failed; 2 wrong arguments.
    """;

try
{
    switch (args)
    {
        case ["list"]:
            foreach (var scenario in Catalog.All)
            {
                Console.WriteLine($"{scenario.Name,-16} {scenario.Summary}; compares {scenario.Main}; "
                    + string.Join(" ", scenario.Defaults.Select(static one => string.Create(CultureInfo.InvariantCulture, $"{one.Key}={one.Value}"))));
            }

            return 0;
        case ["run", .. var rest]:
            return Run(Options.Read(rest));
        case ["smoke", .. var rest]:
            return Smoke.Run(Options.Read(rest));
        case ["report", .. var rest]:
            var options = Options.Read(rest);
            HtmlReport.Write([.. options.Names.Select(ResultFile.Read)], options.Out);
            Console.WriteLine(options.Out);
            return options.Names.Count > 0 ? 0 : throw new FormatException("report needs a results file");
        case ["floor", var port]:
            FloorProgram.Run(Whole(port), null);
            return 0;
        case ["floor", var port, var backend]:
            FloorProgram.Run(Whole(port), Whole(backend));
            return 0;
        case ["yarp", var port, var backend]:
            YarpProgram.Run(Whole(port), Whole(backend));
            return 0;
        default:
            Console.Error.WriteLine(Usage);
            return args is ["--help"] or ["-h"] ? 0 : 2;
    }
}
catch (FormatException exception)
{
    Console.Error.WriteLine(exception.Message);
    return 2;
}

static int Whole(string text) => int.Parse(text, CultureInfo.InvariantCulture);

static int Run(Options options)
{
    var scenarios = options.Scenarios();
    if (scenarios.Count == 0)
    {
        throw new FormatException($"run needs a scenario: all, {string.Join(", ", Catalog.All.Select(static one => one.Name))}");
    }

    using var bench = new Bench(options.Paths);
    List<string> servers = [ServerCatalog.Edge, .. options.Against.Where(static name => name != ServerCatalog.Edge).Distinct()];
    foreach (var reason in servers.Select(bench.Catalog.Missing).OfType<string>())
    {
        throw new FormatException(reason);
    }

    var (result, failures) = bench.Run(new Plan(scenarios, servers, options.Rounds, options.WarmUp, options.Seconds, options.Points));
    if (options.Json is { } path)
    {
        result.Write(path);
    }

    Table.Print(Table.Of(result.Samples), Console.Out);
    failures.ForEach(Console.Error.WriteLine);
    return failures.Count == 0 ? 0 : 1;
}
