using System.Text.Json.Serialization;
using ControlPlane.Http;
using Microsoft.AspNetCore.Http;
using Tailnet.Messages;
using Tailnet.Services;

namespace ControlPlane.Coordination;

/// <summary><c>GET {id}/connection</c>, and the same without an agent, <c>GET connection</c> (tailnet.md §1.3-20).</summary>
internal sealed class ConnectionApi(DerpMapPublisher derpMaps, ControlPlaneOptions options)
{
    public Task GetAsync(HttpContext context) => context.WriteAsync(
        StatusCodes.Status200OK,
        new ConnectionView(
            derpMaps.Current,
            options.DerpMap.ForceWebSockets,
            options.DerpMap.BlockDirect,
            options.HostnameSuffix.Length > 0 ? options.HostnameSuffix : null),
        CoordinationJson.Wire.ConnectionView);
}

/// <summary>The information with which clients connect to an agent.</summary>
/// <param name="DerpMap">The DERP map.</param>
/// <param name="DerpForceWebsockets">Whether clients must use WebSockets to DERP relays.</param>
/// <param name="DisableDirectConnections">Whether all traffic must go through relays.</param>
/// <param name="HostnameSuffix">The DNS suffix of agents' host names; omitted for none.</param>
internal sealed record ConnectionView(
    [property: JsonConverter(typeof(DerpMapConverter))] DERPMap DerpMap,
    bool DerpForceWebsockets,
    bool DisableDirectConnections,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] string? HostnameSuffix);
