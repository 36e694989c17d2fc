using ControlPlane.Http;
using Microsoft.AspNetCore.Http;

namespace ControlPlane.OpenApi;

/// <summary>What each method of the Agents API's routes does, by method and path below <c>/api/v2</c>.</summary>
internal static class AgentsOperations
{
    private const string Agents = "/workspaceagents";
    private const string Me = Agents + "/me";
    private const string ById = Agents + "/{workspaceagent}";

    private static readonly ApiJson Json = ApiJson.Wire;

    private static readonly ApiParameter[] Log =
    [
        new("after", "Lines after this id alone.", "integer"),
        new("before", "Lines before this id alone.", "integer"),
        new("follow", "A WebSocket that goes on with what comes; only its presence counts."),
        new("format", "The form of the answer; missing: json.") { Words = ["json", "text"] },
    ];

    private static readonly ApiParameter[] ExternalAuth =
    [
        new("match", "An address that a provider's expression matches; older: url."),
        new("id", "A provider's id."),
        new("listen", "Wait until there is a token; only its presence counts."),
    ];

    private static readonly ApiParameter[] Session =
    [
        new("version", "The version of the tailnet API, such as 2.0."),
        new("resume_token", "Goes on with an earlier session's peer."),
    ];

    public static IReadOnlyDictionary<string, ApiOperation> All { get; } = new Dictionary<string, ApiOperation>(StringComparer.Ordinal)
    {
        ["GET /"] = new("Says hello", ApiCaller.Anybody) { Response = Json.ApiError },
        ["GET /buildinfo"] = new("Version and deployment", ApiCaller.Anybody) { Response = Json.BuildInfo },
        ["GET /openapi.json"] = new("This document", ApiCaller.Anybody) { Response = Json.JsonElement },
        ["GET /users/me"] = new("The user of the session", ApiCaller.Session) { Response = Json.UserView },
        ["GET /derp-map"] = Socket("The DERP map as JSON, at once and when it changes", ApiCaller.SessionOrAgent),
        ["GET /tailnet"] = Socket("The tailnet service, for a client of all the user's agents", ApiCaller.Session, Session),

        [$"POST {Agents}/aws-instance-identity"] = new("An agent's token for an AWS instance's identity", ApiCaller.Anybody)
        { Request = Json.AwsIdentityRequest, Response = Json.InstanceSession },
        [$"POST {Agents}/azure-instance-identity"] = new("An agent's token for an Azure instance's identity", ApiCaller.Anybody)
        { Request = Json.AzureIdentityRequest, Response = Json.InstanceSession },
        [$"POST {Agents}/google-instance-identity"] = new("An agent's token for a Google instance's identity", ApiCaller.Anybody)
        { Request = Json.GoogleIdentityRequest, Response = Json.InstanceSession },

        [$"POST {Me}/app-health"] = Agent("Sets the health of apps") with { Request = Json.PostAppHealthRequest },
        [$"PATCH {Me}/app-status"] = Agent("Says what an app is doing") with { Request = Json.PatchAppStatusRequest },
        [$"GET {Me}/coordinate"] = Socket("Coordination of version 1, JSON", ApiCaller.Agent),
        [$"GET {Me}/external-auth"] = Agent("The owner's token for another service") with { Response = Json.ExternalAuthAnswer, Query = ExternalAuth },
        [$"GET {Me}/gitauth"] = Agent("The owner's token for another service, by its old name") with { Response = Json.ExternalAuthAnswer, Query = ExternalAuth },
        [$"GET {Me}/gitsshkey"] = Agent("The owner's git key pair") with { Response = Json.GitSshKey },
        [$"POST {Me}/log-source"] = Agent("Makes a log source") with { Request = Json.PostLogSourceRequest, Response = Json.LogSource, Status = StatusCodes.Status201Created },
        [$"PATCH {Me}/logs"] = Agent("Stores log lines") with { Request = Json.PatchLogsRequest },
        [$"PATCH {Me}/startup-logs"] = Agent("Stores log lines, by its old name") with { Request = Json.PatchLogsRequest },
        [$"GET {Me}/manifest"] = Agent("What the agent is and has") with { Response = Json.ManifestView },
        [$"GET {Me}/metadata"] = Agent("What the agent is and has, by its old name") with { Response = Json.ManifestView },
        [$"POST {Me}/metadata"] = Agent("Stores values that the agent collects") with { Request = Json.PostMetadataRequest, Status = StatusCodes.Status204NoContent },
        [$"POST {Me}/metadata/{{key}}"] = Agent("Stores one value that the agent collects") with { Request = Json.PostedMetadata, Status = StatusCodes.Status204NoContent },
        [$"GET {Me}/reinit"] = Agent("Server-sent events: begin anew") with
        {
            MediaType = "text/event-stream",
            Query = [new("wait", "Hear also of a claim that is past; 409 where none can come.", "boolean")],
        },
        [$"POST {Me}/report-lifecycle"] = Agent("Says which state the agent is in") with { Request = Json.PostLifecycleRequest, Status = StatusCodes.Status204NoContent },
        [$"POST {Me}/report-stats"] = Agent("Reports statistics, or asks how often") with { Request = Json.ReportStatsRequest, Response = Json.StatsView },
        [$"GET {Me}/rpc"] = Socket("The agent and tailnet services", ApiCaller.Agent, new ApiParameter("version", "The version of the agent API, such as 2.0.")),
        [$"POST {Me}/startup"] = Agent("Says the agent's version and directory") with { Request = Json.PostStartupRequest },

        [$"GET {Agents}/connection"] = Owned("The DERP map and how to use it") with { Response = Json.ConnectionView },
        [$"GET {ById}"] = Owned("The agent") with { Response = Json.AgentView },
        [$"GET {ById}/connection"] = Owned("The DERP map and how to use it") with { Response = Json.ConnectionView },
        [$"GET {ById}/containers"] = Owned("Containers of the agent's machine") with
        { Response = Json.AgentContainers, Query = [new("label", "Those with this label alone, key=value; may come again.")] },
        [$"GET {ById}/containers/watch"] = Socket("Containers of the agent's machine, at once and when they change", ApiCaller.Session),
        [$"POST {ById}/containers/devcontainers/{{devcontainer}}/recreate"] = Owned("Makes a development container anew")
            with
        { Response = Json.ApiError, Status = StatusCodes.Status202Accepted },
        [$"POST {ById}/containers/devcontainers/container/{{container}}/recreate"] = Owned("Makes a development container anew, by its container")
            with
        { Response = Json.ApiError, Status = StatusCodes.Status202Accepted },
        [$"GET {ById}/coordinate"] = Socket("The tailnet service, for a client of this agent", ApiCaller.Session, Session),
        [$"GET {ById}/listening-ports"] = Owned("Ports that the agent's machine listens on") with { Response = Json.ListeningPorts },
        [$"GET {ById}/logs"] = Owned("Log lines, or a WebSocket that follows them") with { Response = Json.LogLine, IsArray = true, IsWebSocket = true, Query = Log },
        [$"GET {ById}/startup-logs"] = Owned("Log lines, by its old name") with { Response = Json.LogLine, IsArray = true, IsWebSocket = true, Query = Log },
        [$"GET {ById}/pty"] = Socket(
            "A terminal",
            ApiCaller.Session,
            new ApiParameter("reconnect", "The terminal's id, a UUID."),
            new ApiParameter("width", "In characters.", "integer"),
            new ApiParameter("height", "In characters.", "integer"),
            new ApiParameter("command", "What to run in place of a shell.")),
    };

    private static ApiOperation Agent(string summary) => new(summary, ApiCaller.Agent);

    private static ApiOperation Owned(string summary) => new(summary, ApiCaller.Session);

    private static ApiOperation Socket(string summary, ApiCaller caller, params ApiParameter[] query) =>
        new(summary, caller) { Status = StatusCodes.Status101SwitchingProtocols, IsWebSocket = true, Query = query };
}
