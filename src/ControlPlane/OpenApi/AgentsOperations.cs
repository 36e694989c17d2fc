using ControlPlane.AgentMetadata;
using ControlPlane.Agents;
using ControlPlane.AgentViews;
using ControlPlane.Apps;
using ControlPlane.Coordination;
using ControlPlane.Dialing;
using ControlPlane.ExternalAuth;
using ControlPlane.GitSshKeys;
using ControlPlane.Http;
using ControlPlane.InstanceIdentity;
using ControlPlane.Logs;
using ControlPlane.Machine;
using ControlPlane.Manifests;
using ControlPlane.Meta;
using ControlPlane.Statistics;
using ControlPlane.Users;
using Microsoft.AspNetCore.Http;

namespace ControlPlane.OpenApi;

/// <summary>The OpenAPI operations of the Agents API, by method and path below <c>/api/v2</c>.</summary>
internal static class AgentsOperations
{
    private const string Agents = "/workspaceagents";
    private const string Me = Agents + "/me";
    private const string ById = Agents + "/{workspaceagent}";

    private static readonly ApiParameter[] Log =
    [
        new("after", "Only lines with greater ids.", "integer"),
        new("before", "Only lines with smaller ids.", "integer"),
        new("follow", "Makes the response a WebSocket that sends new lines too. Only its presence counts."),
        new("format", "The format of the response. Missing: json.") { EnumValues = ["json", "text"] },
    ];

    private static readonly ApiParameter[] ExternalAuth =
    [
        new("match", "A URL that a provider's expression matches. Its old name is url."),
        new("id", "A provider's id."),
        new("listen", "Waits until there is a token. Only its presence counts."),
    ];

    private static readonly ApiParameter[] Session =
    [
        new("version", "The version of the tailnet API, such as 2.0."),
        new("resume_token", "A token that continues the peer of an earlier session."),
    ];

    public static IReadOnlyDictionary<string, ApiOperation> All { get; } = new Dictionary<string, ApiOperation>(StringComparer.Ordinal)
    {
        ["GET /"] = new("A greeting", ApiCaller.Anybody) { Response = ApiJson.Wire.ApiError },
        ["GET /buildinfo"] = new("Version and deployment", ApiCaller.Anybody) { Response = MetaJson.Wire.BuildInfo },
        ["GET /openapi.json"] = new("This document", ApiCaller.Anybody) { Response = ApiJson.Wire.JsonElement },
        ["GET /users/me"] = new("The user of the session", ApiCaller.Session) { Response = UsersJson.Wire.UserView },
        ["GET /derp-map"] = Socket("The DERP map as JSON, at the start and after each change", ApiCaller.SessionOrAgent),
        ["GET /tailnet"] = Socket("The tailnet service, for a client of all the user's agents", ApiCaller.Session, Session),

        [$"POST {Agents}/aws-instance-identity"] = new("An agent's token for an AWS instance's identity", ApiCaller.Anybody)
        { Request = InstanceIdentityJson.Wire.AwsIdentityRequest, Response = InstanceIdentityJson.Wire.InstanceSession },
        [$"POST {Agents}/azure-instance-identity"] = new("An agent's token for an Azure instance's identity", ApiCaller.Anybody)
        { Request = InstanceIdentityJson.Wire.AzureIdentityRequest, Response = InstanceIdentityJson.Wire.InstanceSession },
        [$"POST {Agents}/google-instance-identity"] = new("An agent's token for a Google instance's identity", ApiCaller.Anybody)
        { Request = InstanceIdentityJson.Wire.GoogleIdentityRequest, Response = InstanceIdentityJson.Wire.InstanceSession },

        [$"POST {Me}/app-health"] = Agent("Sets the health of apps") with { Request = AppsJson.Wire.PostAppHealthRequest },
        [$"PATCH {Me}/app-status"] = Agent("Reports the status of an app") with { Request = AppsJson.Wire.PatchAppStatusRequest },
        [$"GET {Me}/coordinate"] = Socket("Coordination, version 1 in JSON", ApiCaller.Agent),
        [$"GET {Me}/external-auth"] = Agent("The owner's token for another service") with
        { Response = ExternalAuthJson.Wire.ExternalAuthAnswer, Query = ExternalAuth },
        [$"GET {Me}/gitauth"] = Agent("The owner's token for another service: the old path") with
        { Response = ExternalAuthJson.Wire.ExternalAuthAnswer, Query = ExternalAuth },
        [$"GET {Me}/gitsshkey"] = Agent("The owner's git key pair") with { Response = GitSshKeysJson.Wire.GitSshKey },
        [$"POST {Me}/log-source"] = Agent("Creates a log source") with
        { Request = LogsJson.Wire.PostLogSourceRequest, Response = LogsJson.Wire.LogSource, Status = StatusCodes.Status201Created },
        [$"PATCH {Me}/logs"] = Agent("Stores log lines") with { Request = LogsJson.Wire.PatchLogsRequest },
        [$"PATCH {Me}/startup-logs"] = Agent("Stores log lines: the old path") with { Request = LogsJson.Wire.PatchLogsRequest },
        [$"GET {Me}/manifest"] = Agent("The agent's manifest") with { Response = ManifestsJson.Wire.ManifestView },
        [$"GET {Me}/metadata"] = Agent("The agent's manifest: the old path") with { Response = ManifestsJson.Wire.ManifestView },
        [$"POST {Me}/metadata"] = Agent("Stores metadata that the agent collected") with
        { Request = MetadataJson.Wire.PostMetadataRequest, Status = StatusCodes.Status204NoContent },
        [$"POST {Me}/metadata/{{key}}"] = Agent("Stores one metadata value that the agent collected") with
        { Request = MetadataJson.Wire.PostedMetadata, Status = StatusCodes.Status204NoContent },
        [$"GET {Me}/reinit"] = Agent("Server-sent events that tell the agent to reinitialize") with
        {
            MediaType = "text/event-stream",
            Query = [new("wait", "Includes an earlier claim. The response is 409 when no claim can come.", "boolean")],
        },
        [$"POST {Me}/report-lifecycle"] = Agent("Reports the agent's lifecycle state") with
        { Request = AgentsJson.Wire.PostLifecycleRequest, Status = StatusCodes.Status204NoContent },
        [$"POST {Me}/report-stats"] = Agent("Reports statistics, or asks for the report interval") with
        { Request = StatisticsJson.Wire.ReportStatsRequest, Response = StatisticsJson.Wire.StatsView },
        [$"GET {Me}/rpc"] = Socket(
            "The agent and tailnet services",
            ApiCaller.Agent,
            new ApiParameter("version", "The version of the agent API, such as 2.0.")),
        [$"POST {Me}/startup"] = Agent("Reports the agent's version and directory") with { Request = AgentsJson.Wire.PostStartupRequest },

        [$"GET {Agents}/connection"] = Owned("The DERP map and its settings") with { Response = CoordinationJson.Wire.ConnectionView },
        [$"GET {ById}"] = Owned("The agent") with { Response = AgentViewsJson.Wire.AgentView },
        [$"GET {ById}/connection"] = Owned("The DERP map and its settings") with { Response = CoordinationJson.Wire.ConnectionView },
        [$"GET {ById}/containers"] = Owned("Containers of the agent's machine") with
        {
            Response = MachineJson.Wire.AgentContainers,
            Query = [new("label", "Only containers with this label, as key=value. May be repeated.")],
        },
        [$"GET {ById}/containers/watch"] = Socket(
            "Containers of the agent's machine, at the start and after each change", ApiCaller.Session),
        [$"POST {ById}/containers/devcontainers/{{devcontainer}}/recreate"] = Owned("Recreates a development container")
            with
        { Response = ApiJson.Wire.ApiError, Status = StatusCodes.Status202Accepted },
        [$"POST {ById}/containers/devcontainers/container/{{container}}/recreate"] = Owned(
            "Recreates a development container: the old path")
            with
        { Response = ApiJson.Wire.ApiError, Status = StatusCodes.Status202Accepted },
        [$"GET {ById}/coordinate"] = Socket("The tailnet service, for a client of this agent", ApiCaller.Session, Session),
        [$"GET {ById}/listening-ports"] = Owned("Ports that the agent's machine listens on") with
        { Response = MachineJson.Wire.ListeningPorts },
        [$"GET {ById}/ping"] = Owned("The round trip to the agent inside its tunnel") with { Response = DialingJson.Wire.PingView },
        [$"GET {ById}/tcp"] = Socket(
            "A TCP connection to a port of the agent's machine, or to the agent's SSH server or speed test",
            ApiCaller.Session,
            new ApiParameter(AgentPort.Parameter, $"The port. {AgentPort.Allowed}", "integer")),
        [$"GET {ById}/logs"] = Owned("Log lines, or a WebSocket that follows them") with
        { Response = LogsJson.Wire.LogLine, IsArray = true, IsWebSocket = true, Query = Log },
        [$"GET {ById}/startup-logs"] = Owned("Log lines: the old path") with
        { Response = LogsJson.Wire.LogLine, IsArray = true, IsWebSocket = true, Query = Log },
        [$"GET {ById}/pty"] = Socket(
            "A terminal",
            ApiCaller.Session,
            new ApiParameter("reconnect", "The terminal's id, a UUID that the client chooses."),
            new ApiParameter("width", "The width in characters.", "integer"),
            new ApiParameter("height", "The height in characters.", "integer"),
            new ApiParameter("command", "The command to run in place of a shell.")),
    };

    private static ApiOperation Agent(string summary) => new(summary, ApiCaller.Agent);

    private static ApiOperation Owned(string summary) => new(summary, ApiCaller.Session);

    private static ApiOperation Socket(string summary, ApiCaller caller, params ApiParameter[] query) =>
        new(summary, caller) { Status = StatusCodes.Status101SwitchingProtocols, IsWebSocket = true, Query = query };
}
