using System.Globalization;

namespace Edge.AgentCommands;

/// <summary><c>Edge ping</c>: prints the round trip to an agent, once a second.</summary>
internal static class PingCommand
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(1);

    /// <exception cref="AgentCommandException">The agent does not answer.</exception>
    public static async Task RunAsync(AgentClient client, NamedAgent agent, int count, TextWriter output, CancellationToken cancellation)
    {
        for (var number = 1; number <= count; number++)
        {
            var answer = await client.GetAsync($"/api/v2/workspaceagents/{agent.Id}/ping", cancellation);
            if (!double.TryParse(answer["latency_ms"]?.ToString(), CultureInfo.InvariantCulture, out var latency))
            {
                throw new AgentCommandException("the server's answer has no latency");
            }

            var region = answer["home_region"] is { } home ? $" by DERP region {home}" : "";
            await output.WriteLineAsync(FormattableString.Invariant($"{agent.Name}: {latency:0.0##} ms{region}"));
            if (number < count)
            {
                await Task.Delay(Interval, cancellation);
            }
        }
    }
}
