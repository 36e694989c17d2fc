using ControlPlane.Http;
using ControlPlane.Storage;
using Microsoft.AspNetCore.Http;

namespace ControlPlane.Meta;

/// <summary>The routes without credentials: the greeting, <c>buildinfo</c> and <c>/healthz</c>.</summary>
internal sealed class MetaApi(Database database, DatabaseHealth health, ControlPlaneOptions options)
{
    private static readonly ApiError Greeting = new("👋");

    public static Task GreetAsync(HttpContext context) => context.WriteAsync(StatusCodes.Status200OK, Greeting);

    public async Task GetBuildInfoAsync(HttpContext context)
    {
        var deploymentId = await database.ReadAsync(static connection => connection.FirstAsync(
            "SELECT deployment_id FROM deployment", static reader => reader.Text("deployment_id")));
        var info = new BuildInfo(
            options.ReleaseUrl?.ToString(),
            options.Version,
            options.PublicUrl?.ToString().TrimEnd('/'),
            Telemetry: false,
            WorkspaceProxy: false,
            options.AgentApiVersion,
            deploymentId!);
        await context.WriteAsync(StatusCodes.Status200OK, info, MetaJson.Wire.BuildInfo);
    }

    public async Task GetHealthAsync(HttpContext context)
    {
        var fault = (await health.CheckAsync()).Describe();
        context.Response.StatusCode = fault is null ? StatusCodes.Status200OK : StatusCodes.Status503ServiceUnavailable;
        context.Response.ContentType = "text/plain; charset=utf-8";
        context.Response.Headers.CacheControl = "no-store";
        await context.Response.WriteAsync(fault ?? "OK", context.RequestAborted);
    }
}
