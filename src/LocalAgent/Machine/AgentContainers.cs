using System.Text.Json.Serialization;

namespace LocalAgent.Machine;

/// <summary>The containers of the machine.</summary>
/// <param name="Containers">All containers, also stopped ones.</param>
/// <param name="Devcontainers">The devcontainers among them, one for each workspace folder.</param>
/// <param name="Warnings">A text for each container that could not be read; left out when there is none.</param>
internal sealed record AgentContainers(
    IReadOnlyList<AgentContainer> Containers,
    IReadOnlyList<Devcontainer> Devcontainers,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] IReadOnlyList<string>? Warnings = null);

/// <summary>One container.</summary>
/// <param name="CreatedAt">When it was created.</param>
/// <param name="Id">Its full id.</param>
/// <param name="Name">Its name, without the leading slash.</param>
/// <param name="Image">The name of its image.</param>
/// <param name="Labels">Its labels.</param>
/// <param name="Running">Whether it runs.</param>
/// <param name="Ports">Its exposed ports.</param>
/// <param name="Status">Docker's word for its state, such as <c>running</c> or <c>exited</c>.</param>
/// <param name="Volumes">Paths on the machine, by the paths in the container.</param>
internal sealed record AgentContainer(
    DateTimeOffset CreatedAt,
    string Id,
    string Name,
    string Image,
    IReadOnlyDictionary<string, string> Labels,
    bool Running,
    IReadOnlyList<ContainerPort> Ports,
    string Status,
    IReadOnlyDictionary<string, string> Volumes);

/// <summary>One exposed port of a container.</summary>
/// <param name="Port">The port in the container.</param>
/// <param name="Network"><c>tcp</c>, <c>udp</c> or <c>sctp</c>.</param>
/// <param name="HostIp">The address on the machine; left out when the port is not published.</param>
/// <param name="HostPort">The port on the machine; left out when the port is not published.</param>
/// <param name="ProcessName">Always empty, as Docker does not know it. Clients of the first API documents expect the field.</param>
internal sealed record ContainerPort(
    int Port,
    string Network,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] string? HostIp = null,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] int? HostPort = null,
    string ProcessName = "");

/// <summary>One devcontainer: a workspace folder for which the devcontainer CLI has created a container.</summary>
/// <param name="Id">A UUID that depends only on the folder.</param>
/// <param name="Name">The last part of the folder's path.</param>
/// <param name="WorkspaceFolder">The folder's path on the machine.</param>
/// <param name="ConfigPath">The path of its devcontainer.json; left out when unknown.</param>
/// <param name="Status"><c>running</c>, <c>stopped</c>, <c>starting</c> (while it is recreated) or <c>error</c>.</param>
/// <param name="Dirty">Whether the configuration has changed since the container was created.</param>
/// <param name="Container">Its newest container; left out when there is none.</param>
/// <param name="Error">Why the last recreation failed; left out when it succeeded.</param>
internal sealed record Devcontainer(
    Guid Id,
    string Name,
    string WorkspaceFolder,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] string? ConfigPath,
    string Status,
    bool Dirty,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] AgentContainer? Container = null,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] string? Error = null);
