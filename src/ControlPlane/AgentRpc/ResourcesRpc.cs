using ControlPlane.Storage;
using Microsoft.Extensions.Logging;
using Tailnet.AgentMessages;
using Tailnet.Drpc;
using Datapoint = Tailnet.AgentMessages.PushResourcesMonitoringUsageRequest.Types.Datapoint;

namespace ControlPlane.AgentRpc;

/// <summary>
/// Serves the configuration of agents' resource monitors (memory and volumes), and evaluates the usage that agents report. A resource that
/// goes over its threshold, or back below, is logged.
/// </summary>
internal sealed partial class ResourcesRpc(Database database, TimeProvider time, ILogger<ResourcesRpc> logger)
{
    // The values of Coder's server, for which the rule of ResourceMonitor is made.
    private const int Datapoints = 20;
    private const int CollectionSeconds = 10;
    private const int MaxDatapoints = 1_000;
    private const string Memory = "";

    public async ValueTask<GetResourcesMonitoringConfigurationResponse> GetConfigurationAsync(Guid agent)
    {
        var response = new GetResourcesMonitoringConfigurationResponse
        {
            Config = new() { NumDatapoints = Datapoints, CollectionIntervalSeconds = CollectionSeconds },
        };
        foreach (var monitor in await ReadAsync(agent))
        {
            if (monitor.Path == Memory)
            {
                response.Memory = new() { Enabled = monitor.Enabled };
            }
            else
            {
                response.Volumes.Add(
                    new GetResourcesMonitoringConfigurationResponse.Types.Volume { Enabled = monitor.Enabled, Path = monitor.Path });
            }
        }

        return response;
    }

    public async ValueTask<PushResourcesMonitoringUsageResponse> PushAsync(
        Guid agent, PushResourcesMonitoringUsageRequest request, CancellationToken cancellationToken)
    {
        if (request.Datapoints.Count > MaxDatapoints)
        {
            throw new DrpcException(0, "too many datapoints");
        }

        foreach (var monitor in (await ReadAsync(agent)).Where(static monitor => monitor.Enabled))
        {
            var window = request.Datapoints.Select(point => Measure(monitor, point)).ToArray();
            var isOver = ResourceMonitor.Next(monitor.IsOver, window);
            if (isOver != monitor.IsOver && await StoreAsync(agent, monitor, isOver, cancellationToken) == 1)
            {
                Changed(logger, monitor.Path == Memory ? "memory" : "volume", agent, isOver, monitor.Threshold);
            }
        }

        return new PushResourcesMonitoringUsageResponse();
    }

    private static bool? Measure(Monitor monitor, Datapoint point)
    {
        if (monitor.Path == Memory)
        {
            return ResourceMonitor.IsOver(point.Memory?.Used, point.Memory?.Total ?? 0, monitor.Threshold);
        }

        var volume = point.Volumes.FirstOrDefault(volume => volume.Volume == monitor.Path);
        return ResourceMonitor.IsOver(volume?.Used, volume?.Total ?? 0, monitor.Threshold);
    }

    private ValueTask<List<Monitor>> ReadAsync(Guid agent) => database.ReadAsync(connection => connection.ListAsync(
        "SELECT path, enabled, threshold, is_over FROM agent_resource_monitors WHERE agent_id = @agent ORDER BY path",
        static reader => new Monitor(
            reader.Text("path"), reader.Integer("enabled") != 0, (int)reader.Integer("threshold"), reader.Integer("is_over") != 0),
        ("@agent", agent)));

    private Task<int> StoreAsync(Guid agent, Monitor monitor, bool isOver, CancellationToken cancellationToken) => database.WriteAsync(
        connection => connection.Execute(
            """
            UPDATE agent_resource_monitors SET is_over = @over, changed_at = @now
            WHERE agent_id = @agent AND path = @path AND is_over <> @over
            """,
            ("@agent", agent),
            ("@path", monitor.Path),
            ("@over", isOver ? 1L : 0L),
            ("@now", time.GetUtcNow())),
        cancellationToken);

    private sealed record Monitor(string Path, bool Enabled, int Threshold, bool IsOver);
}
