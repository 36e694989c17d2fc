using System.Collections.Frozen;
using ControlPlane.Agents;
using ControlPlane.Connections;
using ControlPlane.Http;
using Microsoft.AspNetCore.Http;

namespace ControlPlane.Machine;

/// <summary><c>GET {id}/listening-ports</c>: the ports that may speak HTTP (tailnet.md §1.3-24).</summary>
internal sealed class ListeningPortsApi(AgentReach reach)
{
    // The agent itself uses ports below this one on the tailnet.
    private const int LowestPort = 9;

    // The ports of well-known services with other protocols.
    private static readonly FrozenSet<int> NotHttp = FrozenSet.Create(
        20, 21, 22, 23, 25, 53, 110, 143, 179, 389, 465, 587, 636, 989, 990, 993, 995, 3306, 3389, 5432, 27017, 27018, 27019, 28017);

    public Task GetAsync(HttpContext context, Agent agent) =>
        reach.CallAsync(context, agent, "listening ports", async (connection, cancellation) =>
        {
            var ports = await connection.ListListeningPortsAsync(cancellation);
            var body = new ListeningPorts([.. ports.Where(static port => port.Port >= LowestPort && !NotHttp.Contains(port.Port))]);
            await context.WriteAsync(StatusCodes.Status200OK, body, MachineJson.Wire.ListeningPorts);
        });
}

/// <summary>The response of <c>GET {id}/listening-ports</c>.</summary>
/// <param name="Ports">The ports, without those below 9 and those of well-known services that do not speak HTTP.</param>
internal sealed record ListeningPorts(IReadOnlyList<ListeningPort> Ports);
