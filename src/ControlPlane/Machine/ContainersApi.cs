using System.Net.WebSockets;
using System.Text.Json;
using ControlPlane.Access;
using ControlPlane.Agents;
using ControlPlane.Connections;
using ControlPlane.Http;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace ControlPlane.Machine;

/// <summary>
/// The routes for containers of an agent's machine: <c>GET {id}/containers</c>, <c>…/watch</c>, and both paths of recreate (tailnet.md
/// §1.3-21, -22, §9.3).
/// </summary>
internal sealed class ContainersApi(
    AgentReach reach, ControlPlaneOptions options, TimeProvider time, IHostApplicationLifetime lifetime, ILogger<ContainersApi> logger)
{
    private const string Subject = "containers";

    public async Task GetAsync(HttpContext context, Agent agent)
    {
        var labels = new List<KeyValuePair<string, string>>();
        foreach (var label in context.Request.Query["label"])
        {
            if (label?.Split('=', 2) is not [{ Length: > 0 } key, var value])
            {
                await context.WriteAsync(
                    StatusCodes.Status400BadRequest,
                    new ApiError(
                        "Invalid label format",
                        "Labels must be in the format key=value.",
                        [new ApiValidation("label", "must be key=value")]));
                return;
            }

            labels.Add(new(key, value));
        }

        await reach.CallAsync(context, agent, Subject, async (connection, cancellation) =>
        {
            var all = await connection.ListContainersAsync(cancellation);
            var matching = all with
            {
                Containers = [.. all.Containers.Where(container =>
                    labels.TrueForAll(label => container.Labels.GetValueOrDefault(label.Key) == label.Value))],
            };
            await context.WriteAsync(StatusCodes.Status200OK, matching, MachineJson.Wire.AgentContainers);
        });
    }

    public Task RecreateAsync(HttpContext context, Agent agent) => RecreateAsync(context, agent, "devcontainer", isContainer: false);

    /// <summary>The path of older clients, which names the container in place of the development container.</summary>
    public Task RecreateByContainerAsync(HttpContext context, Agent agent) => RecreateAsync(context, agent, "container", isContainer: true);

    /// <summary>Sends the list of containers as a text message at the start and after each change.</summary>
    public async Task WatchAsync(HttpContext context, Agent agent)
    {
        IAsyncEnumerator<AgentContainers>? watch = null;
        using var ended = CancellationTokenSource.CreateLinkedTokenSource(context.RequestAborted, lifetime.ApplicationStopping);
        try
        {
            // The first list is fetched before the upgrade, so that the response can carry the agent's error.
            await reach.CallAsync(context, agent, Subject, async (connection, cancellation) =>
            {
                var enumerator = connection.WatchContainersAsync(ended.Token).GetAsyncEnumerator(ended.Token);
                try
                {
                    // The limit ends the enumeration itself, whose error says how far it got.
                    await using var limit = cancellation.Register(ended.Cancel);
                    watch = await enumerator.MoveNextAsync()
                        ? enumerator
                        : throw new AgentConnectionException("the agent has ended the watch");
                }
                catch
                {
                    await enumerator.DisposeAsync();
                    throw;
                }
            });
            if (watch is not null && await WebSocketUpgrade.AcceptAsync(context, options) is { } socket)
            {
                await ServeAsync(socket, watch, ended);
            }
        }
        finally
        {
            await ended.CancelAsync();
            await (watch?.DisposeAsync() ?? ValueTask.CompletedTask);
        }
    }

    private async Task ServeAsync(WebSocket socket, IAsyncEnumerator<AgentContainers> watch, CancellationTokenSource ended)
    {
        using (socket)
        {
            var stream = new WriteOnlySocket(socket, options, time, logger);
            await stream.RunAsync(
                async (send, stop) =>
                {
                    // The enumeration has a token of its own, since it started before the WebSocket.
                    await using var forward = stop.Register(ended.Cancel);
                    do
                    {
                        await send(JsonSerializer.SerializeToUtf8Bytes(watch.Current, MachineJson.Wire.AgentContainers));
                    }
                    while (await MoveNextAsync(watch));
                },
                lifetime.ApplicationStopping);
        }
    }

    private static async Task<bool> MoveNextAsync(IAsyncEnumerator<AgentContainers> watch)
    {
        try
        {
            return await watch.MoveNextAsync();
        }
        catch (AgentConnectionException exception)
        {
            throw new SourceLostException(exception.Message, exception);
        }
    }

    private Task RecreateAsync(HttpContext context, Agent agent, string parameter, bool isContainer) =>
        reach.CallAsync(context, agent, Subject, async (connection, cancellation) =>
        {
            var key = (string)context.Request.RouteValues[parameter]!;
            var notice = await connection.RecreateDevcontainerAsync(key, isContainer, cancellation);
            await context.WriteAsync(StatusCodes.Status202Accepted, new ApiError(notice.Message, notice.Detail));
        });
}
