using ControlPlane.Http;
using Microsoft.AspNetCore.Http;

namespace ControlPlane.Agents;

/// <summary>
/// <c>POST me/report-lifecycle</c> and <c>POST me/startup</c>. Agents from v0.20 to v2.8 need these paths, although the API documents of
/// these versions do not have them.
/// </summary>
internal sealed class StateApi(StateReports reports, ControlPlaneOptions options)
{
    // The version of the agent API before dRPC.
    private const string RestApiVersion = "1.0";

    public async Task PostLifecycleAsync(HttpContext context, Agent agent)
    {
        if (await RequestBody.ReadAsync(context, AgentsJson.Wire.PostLifecycleRequest, options.MaxRequestBodyBytes) is not { } request)
        {
            return;
        }

        if (request.State is not { } state || !StateReports.Lifecycles.Contains(state))
        {
            await RefuseAsync(context, "state", "Invalid lifecycle state.", $"Use one of {string.Join(", ", StateReports.Lifecycles)}.");
            return;
        }

        // Older agents send no time, or Go's zero time.
        var changedAt = request.ChangedAt?.Year > 1 ? request.ChangedAt : null;
        await reports.SetLifecycleAsync(agent.Id, state, changedAt, context.RequestAborted);
        context.Response.StatusCode = StatusCodes.Status204NoContent;
    }

    public async Task PostStartupAsync(HttpContext context, Agent agent)
    {
        if (await RequestBody.ReadAsync(context, AgentsJson.Wire.PostStartupRequest, options.MaxRequestBodyBytes) is not { } request)
        {
            return;
        }

        // Agents of v0.20 send a single subsystem.
        var subsystems = (request.Subsystems ?? [])
            .Append(request.Subsystem)
            .Where(static name => !string.IsNullOrEmpty(name))
            .Select(static name => name!);
        var refusal = await reports.SetStartupAsync(
            agent.Id,
            new AgentStartup(request.Version ?? "", RestApiVersion, request.ExpandedDirectory ?? "", [.. subsystems]),
            context.RequestAborted);
        await (refusal switch
        {
            null => context.WriteNullAsync(StatusCodes.Status200OK),
            StartupRefusal.Version => RefuseAsync(
                context, "version", "Invalid workspace agent version provided.",
                "The version must be a semantic version with a leading v."),
            StartupRefusal.Directory => RefuseAsync(
                context, "expanded_directory", "Invalid workspace agent directory provided.", "The expanded directory is too long."),
            _ => RefuseAsync(
                context, "subsystems", "Invalid workspace agent subsystem provided.",
                $"Use any of {string.Join(", ", StateReports.Subsystems)}."),
        });
    }

    private static Task RefuseAsync(HttpContext context, string field, string message, string detail) =>
        context.WriteAsync(StatusCodes.Status400BadRequest, new ApiError(message, detail, [new ApiValidation(field, detail)]));
}

/// <summary>The body of <c>POST me/report-lifecycle</c>.</summary>
internal sealed class PostLifecycleRequest
{
    /// <summary>The agent's lifecycle state.</summary>
    public string? State { get; set; }

    /// <summary>The time of the change; now if missing.</summary>
    public DateTimeOffset? ChangedAt { get; set; }
}

/// <summary>The body of <c>POST me/startup</c>.</summary>
internal sealed class PostStartupRequest
{
    /// <summary>The agent's semantic version, with a leading <c>v</c>.</summary>
    public string? Version { get; set; }

    /// <summary>The working directory of shells, with variables expanded.</summary>
    public string? ExpandedDirectory { get; set; }

    /// <summary>The subsystems in which the agent runs.</summary>
    public List<string?>? Subsystems { get; set; }

    /// <summary>The single subsystem that agents of v0.20 send.</summary>
    public string? Subsystem { get; set; }
}
