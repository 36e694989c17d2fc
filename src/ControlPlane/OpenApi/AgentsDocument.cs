using ControlPlane.Http;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace ControlPlane.OpenApi;

/// <summary>The OpenAPI document of the Agents API.</summary>
internal static class AgentsDocument
{
    private static readonly ApiDescription Description = new(ApiRoutes.Root, "Agents API", AgentsOperations.All, AgentsEnumValues.All);

    public static void MapAgentsDocument(this IEndpointRouteBuilder routes) =>
        routes.MapRoute(ApiRoutes.Root + "/openapi.json", HttpMethods.Get, ApiDocument.Serve(routes, Description));
}
