using System.Text.Json.Serialization;

namespace ControlPlane.Connections;

/// <summary>An agent's containers, with the fields of all API documents (tailnet.md §1.3-21). JSON names are snake case.</summary>
/// <param name="Containers">All containers of the machine.</param>
/// <param name="Devcontainers">The development containers, with and without a container.</param>
/// <param name="Warnings">The errors of an incomplete list; omitted for none.</param>
public sealed record AgentContainers(
    IReadOnlyList<AgentContainer> Containers,
    IReadOnlyList<Devcontainer> Devcontainers,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] IReadOnlyList<string>? Warnings = null);

/// <summary>A container.</summary>
/// <param name="CreatedAt">The time of creation.</param>
/// <param name="Id">The full id.</param>
/// <param name="Name">The name, without Docker's leading slash.</param>
/// <param name="Image">The name of the image.</param>
/// <param name="Labels">The labels.</param>
/// <param name="Running">Whether the container runs.</param>
/// <param name="Ports">The exposed ports.</param>
/// <param name="Status">Docker's state, such as <c>running</c> or <c>exited</c>.</param>
/// <param name="Volumes">The host paths by the paths in the container.</param>
public sealed record AgentContainer(
    DateTimeOffset CreatedAt,
    string Id,
    string Name,
    string Image,
    IReadOnlyDictionary<string, string> Labels,
    bool Running,
    IReadOnlyList<ContainerPort> Ports,
    string Status,
    IReadOnlyDictionary<string, string> Volumes);

/// <summary>An exposed port of a container.</summary>
/// <param name="Port">The port in the container.</param>
/// <param name="Network"><c>tcp</c>, <c>udp</c> or <c>sctp</c>.</param>
/// <param name="HostIp">The address on the host; omitted for a port that is not published.</param>
/// <param name="HostPort">The port on the host; omitted for a port that is not published.</param>
/// <param name="ProcessName">Always empty, because Docker does not report it. Old clients require the field.</param>
public sealed record ContainerPort(
    int Port,
    string Network,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] string? HostIp = null,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] int? HostPort = null,
    string ProcessName = "");

/// <summary>A development container: a workspace folder for which the devcontainer CLI has created a container.</summary>
/// <param name="Id">A UUID that is derived from the folder.</param>
/// <param name="Name">The folder's last path segment.</param>
/// <param name="WorkspaceFolder">The folder on the agent's machine.</param>
/// <param name="ConfigPath">The path of devcontainer.json; omitted if unknown.</param>
/// <param name="Status"><c>running</c>, <c>stopped</c>, <c>starting</c>, <c>stopping</c>, <c>deleting</c> or <c>error</c>.</param>
/// <param name="Dirty">Whether the configuration has changed since the container was created.</param>
/// <param name="Container">The container; omitted for none.</param>
/// <param name="Error">The last error; omitted for none.</param>
/// <param name="SubagentId">The sub-agent that the workspace declares for it; omitted for none.</param>
/// <param name="Agent">The sub-agent that runs in it; omitted for none.</param>
public sealed record Devcontainer(
    Guid Id,
    string Name,
    string WorkspaceFolder,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] string? ConfigPath,
    string Status,
    bool Dirty,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] AgentContainer? Container = null,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] string? Error = null,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] Guid? SubagentId = null,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] DevcontainerAgent? Agent = null);

/// <summary>The sub-agent of a development container.</summary>
/// <param name="Id">The sub-agent's id.</param>
/// <param name="Name">The sub-agent's name.</param>
/// <param name="Directory">The working directory of its shells.</param>
public sealed record DevcontainerAgent(Guid Id, string Name, string Directory);
