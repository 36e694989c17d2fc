using System.Text.Json.Serialization;

namespace ControlPlane.Connections;

/// <summary>An agent's containers, in the union of what the API documents show (tailnet.md §1.3-21). JSON names are snake case.</summary>
/// <param name="Containers">All containers of the machine.</param>
/// <param name="Devcontainers">The development containers among them, and those that do not run.</param>
/// <param name="Warnings">What could not be read; left out when there is nothing.</param>
public sealed record AgentContainers(
    IReadOnlyList<AgentContainer> Containers,
    IReadOnlyList<Devcontainer> Devcontainers,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] IReadOnlyList<string>? Warnings = null);

/// <summary>One container.</summary>
/// <param name="CreatedAt">When it was made.</param>
/// <param name="Id">Its full id.</param>
/// <param name="Name">Its name, without a slash.</param>
/// <param name="Image">The name of its image.</param>
/// <param name="Labels">Its labels.</param>
/// <param name="Running">Whether it runs.</param>
/// <param name="Ports">Its published ports.</param>
/// <param name="Status">Docker's word for its state, such as <c>running</c> or <c>exited</c>.</param>
/// <param name="Volumes">Paths outside, by the paths inside.</param>
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

/// <summary>One published port of a container.</summary>
/// <param name="Port">Inside.</param>
/// <param name="Network"><c>tcp</c>, <c>udp</c> or <c>sctp</c>.</param>
/// <param name="HostIp">The address outside, left out when it is not published.</param>
/// <param name="HostPort">The port outside, left out when it is not published.</param>
/// <param name="ProcessName">For clients of the first documents; Docker does not know it, so that it is empty.</param>
public sealed record ContainerPort(
    int Port,
    string Network,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] string? HostIp = null,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] int? HostPort = null,
    string ProcessName = "");

/// <summary>One devcontainer: a workspace folder that the devcontainer CLI has made a container for.</summary>
/// <param name="Id">The same as long as folder and configuration are.</param>
/// <param name="Name">The folder's last part.</param>
/// <param name="WorkspaceFolder">On the agent's machine.</param>
/// <param name="ConfigPath">Its devcontainer.json, when known.</param>
/// <param name="Status"><c>running</c>, <c>stopped</c>, <c>starting</c>, <c>stopping</c>, <c>deleting</c> or <c>error</c>.</param>
/// <param name="Dirty">Whether the configuration has changed since the container was made.</param>
/// <param name="Container">Its container, when there is one.</param>
/// <param name="Error">What went wrong last.</param>
public sealed record Devcontainer(
    Guid Id,
    string Name,
    string WorkspaceFolder,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] string? ConfigPath,
    string Status,
    bool Dirty,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] AgentContainer? Container = null,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] string? Error = null);
