using System.Text.Json;

namespace ControlPlane.Connections.Agents;

/// <summary>
/// Completes the lists of an agent: its answers have <c>null</c> for empty lists, older agents leave members out, and a hostile agent may
/// do so anywhere.
/// </summary>
internal static class AgentLists
{
    private static readonly Dictionary<string, string> NoText = [];

    /// <summary>The containers with every list present.</summary>
    /// <param name="list">The containers.</param>
    /// <param name="apart">The development containers of an agent that lists them apart.</param>
    /// <exception cref="AgentConnectionException">The development containers are not the expected JSON.</exception>
    public static AgentContainers Complete(AgentContainerList list, IReadOnlyList<Devcontainer>? apart = null) => new(
        [.. WithoutNulls(list.Containers).Select(Complete)],
        apart ?? Devcontainers(list),
        list.Warnings is { Count: > 0 } ? [.. WithoutNulls(list.Warnings)] : null);

    /// <summary>The development containers of an agent that lists them with the containers.</summary>
    /// <exception cref="AgentConnectionException">They are not the expected JSON.</exception>
    public static IReadOnlyList<Devcontainer> Devcontainers(AgentContainerList list)
    {
        try
        {
            return list.Devcontainers.ValueKind is JsonValueKind.Undefined or JsonValueKind.Null
                ? []
                : Complete(list.Devcontainers.Deserialize(AgentJson.Wire.IReadOnlyListDevcontainer));
        }
        catch (JsonException exception)
        {
            throw AgentAnswer.Unexpected(exception);
        }
    }

    /// <summary>The development containers with every list present.</summary>
    public static IReadOnlyList<Devcontainer> Complete(IReadOnlyList<Devcontainer>? devcontainers) =>
        [.. WithoutNulls(devcontainers).Select(static one => one with
        {
            Name = one.Name ?? "",
            WorkspaceFolder = one.WorkspaceFolder ?? "",
            Status = one.Status ?? "",
            Agent = one.Agent is { } agent ? agent with { Name = agent.Name ?? "", Directory = agent.Directory ?? "" } : null,
            Container = one.Container is null ? null : Complete(one.Container),
        })];

    /// <summary>The valid ports, without duplicates, in ascending order.</summary>
    public static IReadOnlyList<ListeningPort> Complete(AgentListeningPorts list) =>
        [.. WithoutNulls(list.Ports)
            .Where(static port => port.Port is > 0 and <= ushort.MaxValue)
            .DistinctBy(static port => port.Port)
            .OrderBy(static port => port.Port)
            .Select(static port => new ListeningPort(port.ProcessName ?? "", "tcp", port.Port))];

    private static AgentContainer Complete(AgentContainer container) => container with
    {
        Id = container.Id ?? "",
        Name = container.Name ?? "",
        Image = container.Image ?? "",
        Labels = container.Labels ?? NoText,
        Ports = [.. WithoutNulls(container.Ports).Select(static port => port with
        {
            Network = port.Network ?? "",
            ProcessName = port.ProcessName ?? "",
        })],
        Status = container.Status ?? "",
        Volumes = container.Volumes ?? NoText,
    };

    private static IEnumerable<T> WithoutNulls<T>(IReadOnlyList<T>? list)
        where T : class => (list ?? []).Where(static one => one is not null);
}
