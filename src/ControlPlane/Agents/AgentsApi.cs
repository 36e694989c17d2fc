using ControlPlane.Connections;
using ControlPlane.Http;
using ControlPlane.Logs;
using ControlPlane.Users;
using Microsoft.AspNetCore.Http;

namespace ControlPlane.Agents;

/// <summary><c>GET /workspaceagents/{id}</c> and <c>GET /workspaceagents/me/gitsshkey</c>.</summary>
internal sealed class AgentsApi(
    AgentStore agents,
    LogSourceStore logSources,
    GitSshKeyStore gitSshKeys,
    UserAuthentication users,
    AgentReach reach)
{
    public const string RouteParameter = "workspaceagent";

    /// <summary>A route below <c>{workspaceagent}</c>: first who asks, then for what, and only then the method.</summary>
    public RequestDelegate Owned(Func<HttpContext, Agent, Task> handler) => users.SessionOrProxy((context, user) =>
    {
        var text = context.Request.RouteValues[RouteParameter] as string ?? "";
        if (!GoUuid.TryParse(text, out var id))
        {
            return context.WriteAsync(
                StatusCodes.Status400BadRequest,
                new ApiError($"Invalid UUID \"{text}\".", null, [new ApiValidation(RouteParameter, "must be a valid UUID")]));
        }

        return agents.FindOwned(id, user.Id) is { } agent
            ? handler(context, agent)
            : context.WriteAsync(StatusCodes.Status404NotFound, ApiError.AgentNotFound);
    });

    public Task GetAsync(HttpContext context, Agent agent)
    {
        var status = reach.StatusOf(agent);
        var view = new AgentView
        {
            Id = agent.Id,
            ParentId = agent.ParentId,
            CreatedAt = agent.CreatedAt,
            UpdatedAt = agent.UpdatedAt,
            FirstConnectedAt = agent.FirstConnectedAt,
            LastConnectedAt = agent.LastConnectedAt,
            DisconnectedAt = agent.DisconnectedAt,
            StartedAt = agent.StartedAt,
            ReadyAt = agent.ReadyAt,
            Status = status,
            LifecycleState = agent.LifecycleState,
            Name = agent.Name,
            ResourceId = agent.ResourceId,
            InstanceId = agent.InstanceId,
            Architecture = agent.Architecture,
            EnvironmentVariables = agent.EnvironmentVariables,
            OperatingSystem = agent.OperatingSystem,
            LogsLength = agent.LogsLength,
            LogsOverflowed = agent.LogsOverflowed,
            Directory = NullIfEmpty(agent.Directory),
            ExpandedDirectory = NullIfEmpty(agent.ExpandedDirectory),
            Version = agent.Version,
            ApiVersion = agent.ApiVersion,
            ConnectionTimeoutSeconds = agent.ConnectionTimeoutSeconds,
            TroubleshootingUrl = agent.TroubleshootingUrl,
            Subsystems = agent.Subsystems,
            Health = AgentStatus.HealthOf(agent, status),
            DisplayApps = agent.DisplayApps,
            LogSources = logSources.Of(agent.Id),
            StartupScriptBehavior = agent.StartupScriptBehavior,
            LoginBeforeReady = agent.StartupScriptBehavior == "non-blocking",
        };
        return context.WriteAsync(StatusCodes.Status200OK, view, ApiJson.Wire.AgentView);
    }

    public async Task GetGitSshKeyAsync(HttpContext context, Agent agent)
    {
        var key = await gitSshKeys.GetAsync(agent.OwnerId, context.RequestAborted);
        await context.WriteAsync(StatusCodes.Status200OK, key, ApiJson.Wire.GitSshKey);
    }

    private static string? NullIfEmpty(string text) => text.Length == 0 ? null : text;
}
