using System.Globalization;
using Load.Scenarios;
using Load.Servers;

namespace Load;

/// <summary>The command line of <c>run</c>, <c>smoke</c> and <c>report</c>, read.</summary>
internal sealed class Options
{
    /// <summary>In <c>--against</c>: every server that is there.</summary>
    public const string Installed = "installed";

    public List<string> Names { get; } = [];

    public List<string> Against { get; } = [];

    public Dictionary<string, string> Paths { get; } = [];

    public Dictionary<string, int> Set { get; } = [];

    public (string Name, int[] Values)? Sweep { get; private set; }

    public int Rounds { get; private set; } = 6;

    public double WarmUp { get; private set; } = 1;

    public double Seconds { get; private set; } = 2;

    public bool SystemCalls { get; private set; }

    public string? Json { get; private set; }

    public string? Plots { get; private set; }

    public string Out { get; private set; } = "report.html";

    /// <summary>Reads arguments.</summary>
    /// <exception cref="FormatException">One of them is wrong; the message says which, and what is allowed.</exception>
    public static Options Read(ReadOnlySpan<string> args)
    {
        var options = new Options();
        for (var i = 0; i < args.Length; i++)
        {
            if (!args[i].StartsWith("--", StringComparison.Ordinal))
            {
                options.Names.Add(args[i]);
                continue;
            }

            var name = args[i];
            if (name == "--syscalls")
            {
                options.SystemCalls = true;
                continue;
            }

            options.Take(name, ++i < args.Length ? args[i] : throw new FormatException($"{name} needs a value"));
        }

        return options;
    }

    /// <summary>The scenarios that are named; <c>all</c> is every one.</summary>
    public List<Scenario> Scenarios() =>
    [
        .. Names.SelectMany(static name => name == "all" ? Catalog.All
            : [Catalog.All.FirstOrDefault(one => one.Name == name)
                ?? throw new FormatException($"there is no scenario {name}; see: list")]),
    ];

    /// <summary>The parameters of each step for a scenario.</summary>
    public IEnumerable<Dictionary<string, int>> Points(Scenario scenario)
    {
        var basis = scenario.Defaults.ToDictionary(one => one.Key, one => Set.GetValueOrDefault(one.Key, one.Value));
        var steps = Sweep is { } named && basis.ContainsKey(named.Name) ? named
            : scenario.Steps is { } usual && !Set.ContainsKey(usual.Name) ? usual : ((string Name, int[] Values)?)null;
        return steps is { } sweep
            ? sweep.Values.Select(value => new Dictionary<string, int>(basis) { [sweep.Name] = value })
            : [basis];
    }

    private static int Whole(string text) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number)
            ? number
            : throw new FormatException($"{text} is not a whole number");

    private static double Positive(string text) =>
        double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var number) && number > 0
            ? number : throw new FormatException($"{text} is not a number above 0");

    private static (string Name, string Value) Pair(string option, string text) =>
        text.Split('=', 2) is [{ Length: > 0 } name, var value]
            ? (name, value)
            : throw new FormatException($"{option} {text}: needs name=value");

    private static string KnownParameter(string name) =>
        Catalog.All.Any(one => one.Defaults.ContainsKey(name))
            ? name
            : throw new FormatException($"no scenario has a parameter {name}; see: list");

    private void Take(string name, string value)
    {
        switch (name)
        {
            case "--against":
                Against.AddRange(value.Split(',', StringSplitOptions.RemoveEmptyEntries).Select(static one =>
                    one == Installed || ServerCatalog.Names.Contains(one)
                        ? one
                        : throw new FormatException(
                            $"there is no server {one}; allowed: {Installed}, {string.Join(", ", ServerCatalog.Names)}")));
                break;
            case "--path":
                var path = Pair(name, value);
                Paths[path.Name] = path.Value;
                break;
            case "--set":
                var set = Pair(name, value);
                Set[KnownParameter(set.Name)] = Whole(set.Value);
                break;
            case "--sweep":
                var sweep = Pair(name, value);
                Sweep = (KnownParameter(sweep.Name), [.. sweep.Value.Split(',').Select(Whole)]);
                break;
            case "--rounds":
                Rounds = Whole(value) is > 0 and var rounds ? rounds : throw new FormatException("--rounds needs 1 or more");
                break;
            case "--warm-up":
                WarmUp = Positive(value);
                break;
            case "--seconds":
                Seconds = Positive(value);
                break;
            case "--json":
                Json = value;
                break;
            case "--plots":
                Plots = value;
                break;
            case "--out":
                Out = value;
                break;
            default:
                throw new FormatException($"there is no option {name}");
        }
    }
}
