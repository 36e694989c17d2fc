using ControlPlane.Agents;
using ControlPlane.Http;
using ControlPlane.Storage;
using Microsoft.AspNetCore.Http;

namespace ControlPlane.Logs;

/// <summary>
/// The routes by which agents send log lines: <c>POST me/log-source</c> and <c>PATCH me/logs</c> (tailnet.md §1.3-12, -13).
/// </summary>
internal sealed class SendLogsApi(LogStore logs, LogSourceStore sources, LogSignals signals, ControlPlaneOptions options, TimeProvider time)
{
    private const int MaxDisplayNameCharacters = 127;
    private const int MaxIconCharacters = 2048;

    public async Task PostLogSourceAsync(HttpContext context, Agent agent)
    {
        if (await RequestBody.ReadAsync(context, LogsJson.Wire.PostLogSourceRequest, options.MaxRequestBodyBytes) is not { } request)
        {
            return;
        }

        var source = new LogSource(
            agent.Id,
            request.Id ?? Guid.Empty,
            time.GetUtcNow(),
            StoredText.Sanitise(request.DisplayName ?? ""),
            StoredText.Sanitise(request.Icon ?? ""));
        if (Validate(source) is { Length: > 0 } failures)
        {
            await context.WriteAsync(StatusCodes.Status400BadRequest, ApiError.ValidationFailed(failures));
        }
        else if (await sources.AddAsync(source, context.RequestAborted) is { } stored)
        {
            await context.WriteAsync(StatusCodes.Status201Created, stored, LogsJson.Wire.LogSource);
        }
        else
        {
            await context.WriteAsync(
                StatusCodes.Status413PayloadTooLarge,
                new ApiError("Log source limit exceeded", $"An agent may have {options.MaxLogSourcesPerAgent} log sources."));
        }
    }

    public async Task PatchLogsAsync(HttpContext context, Guid agentId)
    {
        if (await RequestBody.ReadAsync(context, LogsJson.Wire.PatchLogsRequest, options.MaxRequestBodyBytes) is not { } request)
        {
            return;
        }

        if (request.Logs is not { Count: > 0 } sent)
        {
            await context.WriteAsync(StatusCodes.Status400BadRequest, new ApiError("No logs provided."));
            return;
        }

        var lines = new List<NewLogLine>(sent.Count);
        var countedBytes = 0L;
        foreach (var (index, line) in sent.Index())
        {
            var level = line?.Level is { Length: > 0 } given ? given : "info";
            if (!LogText.Levels.Contains(level))
            {
                var allowed = $"Use one of {string.Join(", ", LogText.Levels)}.";
                var field = FormattableString.Invariant($"logs[{index}].level");
                await context.WriteAsync(
                    StatusCodes.Status400BadRequest,
                    new ApiError("Invalid log level provided.", allowed, [new ApiValidation(field, allowed)]));
                return;
            }

            var output = StoredText.Sanitise(line?.Output ?? "");
            countedBytes += LogText.CountedBytes(output);
            lines.Add(new NewLogLine(LogText.Cut(output), level));
        }

        var source = request.LogSourceId == Guid.Empty ? null : request.LogSourceId;
        if (!await logs.AppendAsync(agentId, source, lines, countedBytes, time.GetUtcNow(), context.RequestAborted))
        {
            await context.WriteAsync(StatusCodes.Status413PayloadTooLarge, new ApiError("Logs limit exceeded"));
            return;
        }

        signals.Pulse(agentId);
        await context.WriteNullAsync(StatusCodes.Status200OK);
    }

    private static ApiValidation[] Validate(LogSource source)
    {
        var failures = new List<ApiValidation>();
        if (source.Id == Guid.Empty)
        {
            failures.Add(new ApiValidation("id", "Validation failed for tag \"required\""));
        }

        if (source.DisplayName.Length > MaxDisplayNameCharacters)
        {
            failures.Add(new ApiValidation("display_name", $"At most {MaxDisplayNameCharacters} characters."));
        }

        if (source.Icon.Length > MaxIconCharacters)
        {
            failures.Add(new ApiValidation("icon", $"At most {MaxIconCharacters} characters."));
        }

        return [.. failures];
    }
}
