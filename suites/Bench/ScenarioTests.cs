using Load.Results;

namespace Bench;

/// <summary>Scenarios that are no gates, measured once, one after the other: that they can be, with a server of each kind.</summary>
[Collection(Collection)]
public sealed class ScenarioTests
{
    /// <summary>What runs processes runs alone.</summary>
    public const string Collection = "load";

    [Fact]
    public async Task ScenariosOfSeveralServersAreMeasured()
    {
        string[] scenarios = ["mesh-hop", "stream-echo-tls", "coordinate", "pty"];
        var file = Path.GetTempFileName();
        try
        {
            var (code, output) = await Tool.RunAsync(
                "Load",
                [
                    "run", .. scenarios, "--rounds", "1", "--seconds", "0.5", "--warm-up", "0.2", "--json", file, "--set", "pairs=3",
                    "--set", "streams=2", "--set", "rate=40", "--set", "interactive=2", "--set", "bulk=1",
                ]);
            Assert.True(code == 0, output);
            var samples = ResultFile.Read(file).Samples;
            Assert.Equal(scenarios, samples.Select(static sample => sample.Scenario));
            Assert.All(samples, static sample => Assert.True(sample.Figures.Values.Any(static value => value > 0), sample.Scenario));
            Assert.Equal(100, samples.Single(static sample => sample.Scenario == "coordinate").Figures["heard_percent"]);
            Assert.True(samples.Single(static sample => sample.Scenario == "pty").Figures["bulk_MiB_per_s"] > 0);
        }
        finally
        {
            File.Delete(file);
        }
    }
}
