using ControlPlane.Logs;
using ControlPlane.Storage;
using Tailnet.AgentMessages;
using Tailnet.Coordination;
using Tailnet.Drpc;

namespace ControlPlane.AgentRpc;

/// <summary>Stores log lines by the rules of <c>PATCH me/logs</c>.</summary>
internal sealed class LogsRpc(LogStore logs, LogSignals signals, TimeProvider time)
{
    public async ValueTask<BatchCreateLogsResponse> CreateAsync(
        Guid agent, BatchCreateLogsRequest request, CancellationToken cancellationToken)
    {
        if (!PeerIds.TryRead(request.LogSourceId, out var source))
        {
            throw new DrpcException(0, "invalid log source ID");
        }

        if (request.Logs.Count == 0)
        {
            return new BatchCreateLogsResponse();
        }

        var lines = new List<NewLogLine>(request.Logs.Count);
        var countedBytes = 0L;
        foreach (var log in request.Logs)
        {
            var output = StoredText.Sanitise(log.Output);
            countedBytes += LogText.CountedBytes(output);
            lines.Add(new NewLogLine(LogText.Cut(output), LevelOf(log.Level)));
        }

        var stored = await logs.AppendAsync(
            agent, source == Guid.Empty ? null : source, lines, countedBytes, time.GetUtcNow(), cancellationToken);
        if (stored)
        {
            signals.Pulse(agent);
        }

        return new BatchCreateLogsResponse { LogLimitExceeded = !stored };
    }

    /// <summary>The level's name; <c>info</c> for an unspecified or unknown level.</summary>
    private static string LevelOf(Log.Types.Level level) => level switch
    {
        Log.Types.Level.Trace => "trace",
        Log.Types.Level.Debug => "debug",
        Log.Types.Level.Warn => "warn",
        Log.Types.Level.Error => "error",
        _ => "info",
    };
}
