using ControlPlane.Agents;
using ControlPlane.Http;
using Microsoft.AspNetCore.Http;

namespace ControlPlane.Manifests;

/// <summary><c>GET me/manifest</c> and <c>GET me/metadata</c>, its name in v0.20. The response has the fields of both.</summary>
internal sealed class ManifestApi(ManifestSource manifests, ControlPlaneOptions options)
{
    public async Task GetAsync(HttpContext context, Agent agent) => await (await manifests.OfAsync(agent.Id) is { } manifest
        ? context.WriteAsync(StatusCodes.Status200OK, ManifestView.Of(manifest, options), ManifestsJson.Wire.ManifestView)
        : context.WriteAsync(StatusCodes.Status404NotFound, ApiError.AgentNotFound));
}
