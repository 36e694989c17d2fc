namespace Micro;

/// <summary>The operations whose allocations are gates: the benchmarks' own, run once each.</summary>
internal static class HotPaths
{
    public static readonly IReadOnlyList<(string Name, Action Operation)> All = [.. Make()];

    private static IEnumerable<(string, Action)> Make()
    {
        foreach (var payload in new[] { 100, 16_000 })
        {
            var follower = new FrameFollowerBenchmarks { Payload = payload };
            follower.Fill();
            yield return ($"stream frames followed, {payload} bytes", () => follower.Follow());
            yield return ($"stream frames followed in pieces, {payload} bytes", () => follower.FollowInPieces());
        }

        var derp = new DerpBenchmarks();
        yield return ("DERP frame read", () => derp.ReadFrame());
        yield return ("DERP packet prefix written", () => derp.WritePrefix());
        yield return ("DERP queue, 16 packets in and out", () => derp.QueueAndCompose());
        yield return ("DERP queue, 16 packets in and out as a run", () => derp.QueueAndSendRun());
        var masking = new MaskBenchmarks { Length = 1200 };
        masking.Fill();
        yield return ("WebSocket masking, 1200 bytes", masking.Apply);
        var framing = new FramingBenchmarks();
        yield return ("yamux header there and back", () => framing.Yamux());
        yield return ("dRPC frame header there and back", () => framing.Drpc());
        var logs = new LogIngestBenchmarks { Lines = 10 };
        logs.Fill();
        yield return ("JSON of 10 log lines read", () => logs.Parse());
        var registry = new RegistryBenchmarks { Clients = 100 };
        registry.Fill();
        yield return ("DERP client found by key", () => registry.Find());
        yield return ("DERP client comes and goes", () => registry.ComeAndGo());
        foreach (var length in new[] { 64, 16_384 })
        {
            var splice = new SpliceBenchmarks { Length = length };
            splice.Fill();
            yield return ($"stream message of {length} bytes there and back", () => splice.Carry());
        }

        var coordinator = new CoordinatorBenchmarks { Clients = 100 };
        coordinator.Fill();
        yield return ("coordinator update to 100 clients", () => coordinator.FanOut());
        var jwt = new JwtBenchmarks { Algorithm = "ES256" };
        jwt.Fill();
        yield return ("JWT checked, ES256", () => jwt.Verify());
    }
}
