using System.Security.Cryptography.X509Certificates;
using Load.Measuring;
using Load.Servers;

namespace Load.Scenarios;

/// <summary>Where and how long one measurement runs.</summary>
/// <param name="Server">The server under measurement.</param>
/// <param name="Certificate">What it shows in TLS.</param>
/// <param name="WarmUp">Seconds before anything counts.</param>
/// <param name="Seconds">Seconds that count.</param>
internal sealed record Round(Server Server, X509Certificate2 Certificate, double WarmUp, double Seconds)
{
    /// <summary>Whether the server only speaks DERP bare, and is measured so whatever the scenario does with others.</summary>
    public bool IsBare { get; init; }

    /// <summary>Counts system calls in this round, which is not to be measured otherwise.</summary>
    public SystemCallCounter? SystemCalls { get; init; }
}

/// <summary>One way of loading a server, and the figures that are read from it.</summary>
/// <param name="name">As on the command line.</param>
/// <param name="summary">What it does, in a line.</param>
/// <param name="role">What servers have to be.</param>
/// <param name="main">The figure that servers are compared by; less is better.</param>
/// <param name="defaults">Parameters, changed by <c>--set</c> and <c>--sweep</c>.</param>
internal abstract class Scenario(string name, string summary, ServerRole role, string main, params (string Name, int Value)[] defaults)
{
    public string Name { get; } = name;

    public string Summary { get; } = summary;

    public ServerRole Role { get; } = role;

    public string Main { get; } = main;

    public IReadOnlyDictionary<string, int> Defaults { get; } = defaults.ToDictionary(static one => one.Name, static one => one.Value);

    /// <summary>Values of one parameter that are compared unless the command line says otherwise.</summary>
    public virtual (string Name, int[] Values)? Steps => null;

    /// <summary>Whether each round needs a server that has just started: memory that was used once is seldom given back.</summary>
    public virtual bool Fresh => false;

    /// <summary>Whether its units are counted in a <see cref="Window"/>, so that system calls can be too.</summary>
    public virtual bool CountsUnits => false;

    /// <summary>Loads the server and reads the figures.</summary>
    public abstract Task<Dictionary<string, double>> MeasureAsync(Round round, IReadOnlyDictionary<string, int> parameters);

    /// <summary>The figures of work done at a cost.</summary>
    protected static Dictionary<string, double> Costs(Window window, string unit)
    {
        var figures = new Dictionary<string, double>
        {
            ["cpu_s_per_million"] = window.Processor / window.Units * 1e6,
            [unit + "_per_s"] = window.Units / window.Seconds,
            ["cpu_share"] = window.Processor / window.Seconds,
        };
        window.Report(figures);
        return figures;
    }
}

/// <summary>A scenario whose clients are threads with blocking sockets, which cost a client least.</summary>
internal abstract class ThreadedScenario(
    string name, string summary, ServerRole role, string main, params (string Name, int Value)[] defaults)
    : Scenario(name, summary, role, main, defaults)
{
    public sealed override Task<Dictionary<string, double>> MeasureAsync(Round round, IReadOnlyDictionary<string, int> parameters) =>
        Task.FromResult(Measure(round, parameters));

    /// <summary>The same, in this thread.</summary>
    public abstract Dictionary<string, double> Measure(Round round, IReadOnlyDictionary<string, int> parameters);
}
