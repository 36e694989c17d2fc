using System.Text.Json;
using Microsoft.AspNetCore.Http;

namespace ControlPlane.Connections.Agents;

/// <summary>
/// Lists and recreates containers in the forms of all ages of agents (tailnet-node.md §7), the newest form first. An agent that does not
/// know a path answers 404 without JSON.
/// </summary>
internal sealed class AgentContainersClient(AgentPorts ports, TimeProvider time)
{
    private const string Containers = "api/v0/containers";
    private const string Devcontainers = Containers + "/devcontainers";
    private const int MaxKeyLength = 255;

    private static readonly AgentNotice Initiated = new("Devcontainer recreation initiated");

    // Agents of v2.22 answer when the recreation has ended, unless that takes longer than their write time-out.
    private static readonly TimeSpan OldWriteTimeout = TimeSpan.FromSeconds(20);
    private static readonly TimeSpan LongestRecreation = TimeSpan.FromHours(1);

    /// <summary>Lists the containers and development containers.</summary>
    public async Task<AgentContainers> ListAsync(CancellationToken cancellationToken)
    {
        var list = (await GetAsync(Containers, cancellationToken)).Read(AgentJson.Wire.AgentContainerList);
        var apart = IsOld(list) ? await ListApartAsync(cancellationToken) : null;
        return AgentLists.Complete(list, apart);
    }

    /// <summary>Starts the recreation of a development container.</summary>
    /// <param name="key">The development container's id, or its container's id or name.</param>
    /// <param name="isContainer">Whether <paramref name="key"/> is the container's id or name.</param>
    /// <param name="cancellationToken">Cancels the call, but not a recreation that has started.</param>
    public async Task<AgentNotice> RecreateAsync(string key, bool isContainer, CancellationToken cancellationToken)
    {
        if (!IsKey(key))
        {
            throw NotFound(isContainer);
        }

        if (isContainer)
        {
            return await RecreateContainerAsync(key, cancellationToken);
        }

        var answer = await PostAsync($"{Devcontainers}/{key}/recreate", cancellationToken);
        if (!answer.IsUnknownRoute)
        {
            return Accepted(answer);
        }

        // v2.23 takes the container, and v2.22 has no development containers.
        var container = (await ListApartAsync(cancellationToken))
            .FirstOrDefault(one => Guid.TryParse(key, out var id) && one.Id == id)?.Container?.Id;
        if (container is not null && IsKey(container))
        {
            return Accepted(await PostAsync($"{Devcontainers}/container/{container}/recreate", cancellationToken));
        }

        // v2.24 has no such route where containers are off, but its list says so.
        var list = await GetAsync(Containers, cancellationToken);
        throw (list.Status == StatusCodes.Status403Forbidden ? list : answer).Refusal();
    }

    private static bool IsKey(string key) => key.Length is > 0 and <= MaxKeyLength
        && char.IsAsciiLetterOrDigit(key[0])
        && key.All(static one => char.IsAsciiLetterOrDigit(one) || one is '_' or '.' or '-');

    /// <summary>Whether the list is of an agent before v2.24.</summary>
    private static bool IsOld(AgentContainerList list) => list.Devcontainers.ValueKind == JsonValueKind.Undefined;

    private static AgentNotice Accepted(AgentAnswer answer) => answer.Read(AgentJson.Wire.AgentNotice, StatusCodes.Status202Accepted);

    private static AgentConnectionException NotFound(bool isContainer) =>
        new(StatusCodes.Status404NotFound, isContainer ? "Container not found." : "Devcontainer not found.");

    private async Task<AgentNotice> RecreateContainerAsync(string key, CancellationToken cancellationToken)
    {
        var list = (await GetAsync(Containers, cancellationToken)).Read(AgentJson.Wire.AgentContainerList);
        if (!IsOld(list))
        {
            // From v2.24 on a development container has an id of its own.
            var found = AgentLists.Devcontainers(list).FirstOrDefault(one => one.Container?.Id == key || one.Container?.Name == key)
                ?? throw NotFound(isContainer: true);
            return Accepted(await PostAsync($"{Devcontainers}/{found.Id:D}/recreate", cancellationToken));
        }

        var answer = await PostAsync($"{Devcontainers}/container/{key}/recreate", cancellationToken);
        return answer.IsUnknownRoute ? await RecreateAndWaitAsync(key, cancellationToken) : Accepted(answer);
    }

    /// <summary>
    /// Recreates by the form of v2.22. The agent would stop the recreation if the connection ended, so that the request goes on after this
    /// call, without an answer when it is too late for one.
    /// </summary>
    private async Task<AgentNotice> RecreateAndWaitAsync(string key, CancellationToken cancellationToken)
    {
        var connection = await AgentHttp.OpenAsync(ports, cancellationToken);
        var answering = FinishAsync(connection, $"{Containers}/{key}/recreate");
        try
        {
            return await answering.WaitAsync(OldWriteTimeout, time, cancellationToken);
        }
        catch (TimeoutException)
        {
            return Initiated;
        }
    }

    private async Task<AgentNotice> FinishAsync(AgentHttp connection, string path)
    {
        using var limit = new CancellationTokenSource(LongestRecreation, time);
        using (connection)
        {
            try
            {
                using var response = await connection.SendAsync(HttpMethod.Post, path, null, limit.Token);
                var answer = await AgentHttp.ReadAsync(response, limit.Token);
                return answer.Status == StatusCodes.Status204NoContent ? Initiated : throw answer.Refusal();
            }
            catch (AgentConnectionException exception) when (AgentHttp.IsCutOff(exception))
            {
                return Initiated;
            }
        }
    }

    /// <summary>The development containers of an agent of v2.23, which lists them apart; none for other agents.</summary>
    private async Task<IReadOnlyList<Devcontainer>> ListApartAsync(CancellationToken cancellationToken)
    {
        var answer = await GetAsync(Devcontainers, cancellationToken);
        return answer.IsUnknownRoute ? [] : AgentLists.Complete(answer.Read(AgentJson.Wire.AgentDevcontainers).Devcontainers);
    }

    private Task<AgentAnswer> GetAsync(string path, CancellationToken cancellationToken) =>
        AgentHttp.AskAsync(ports, HttpMethod.Get, path, cancellationToken);

    private Task<AgentAnswer> PostAsync(string path, CancellationToken cancellationToken) =>
        AgentHttp.AskAsync(ports, HttpMethod.Post, path, cancellationToken);
}
