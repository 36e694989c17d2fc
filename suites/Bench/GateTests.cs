using Load;
using Load.Results;

namespace Bench;

/// <summary>The gates of the benchmarks. The names of what they measure are here, so that each counts as a test of its own.</summary>
[Collection(ScenarioTests.Collection)]
public sealed class GateTests(GateTests.SmokeRun smoke) : IClassFixture<GateTests.SmokeRun>
{
    public static TheoryData<string> Gates => [.. Gate.All.Select(static gate => gate.Scenario)];

    [Theory]
    [MemberData(nameof(Gates))]
    public void WhatItCostsStaysNearTheFloor(string scenario)
    {
        var gate = Gate.All.Single(one => one.Scenario == scenario);
        var ratio = gate.Ratio(smoke.Samples);
        Assert.True(ratio <= gate.Most, $"{scenario}: {gate.Figure} is {ratio} times the floor's, at most {gate.Most}\n{smoke.Output}");
    }

    [Fact]
    public void EveryMeasurementOfTheSmokeSucceeds() =>
        Assert.True(smoke.Code == 0 || Gate.All.Any(gate => gate.Ratio(smoke.Samples) > gate.Most), smoke.Output);

    [Fact]
    public async Task HotPathsAllocateNoMoreThanTheirBaseline()
    {
        var (code, output) = await Tool.RunAsync("Micro", "gates");
        Assert.True(code == 0, output);
    }

    public sealed class SmokeRun : IAsyncLifetime
    {
        public int Code { get; private set; }

        public string Output { get; private set; } = "";

        internal IReadOnlyList<Sample> Samples { get; private set; } = [];

        public async ValueTask InitializeAsync()
        {
            var file = Path.GetTempFileName();
            try
            {
                (Code, Output) = await Tool.RunAsync("Load", "smoke", "--json", file);
                Samples = ResultFile.Read(file).Samples;
            }
            finally
            {
                File.Delete(file);
            }
        }

        public ValueTask DisposeAsync() => ValueTask.CompletedTask;
    }
}
