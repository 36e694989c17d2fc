using System.Net;
using System.Text;
using ControlPlane.Access;
using ControlPlane.Agents;
using ControlPlane.Connections;
using ControlPlane.Http;
using ControlPlane.Users;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace ControlPlane.Terminals;

/// <summary>
/// <c>GET {id}/pty</c>: a shell over a WebSocket (tailnet.md §6.1). Refusals before the upgrade have the forms of that section; it gives a
/// shell, so that WebSockets of other origins are refused.
/// </summary>
internal sealed class TerminalApi(
    AgentReach reach,
    AgentStore agents,
    UserAuthentication users,
    ControlPlaneOptions options,
    TimeProvider time,
    IHostApplicationLifetime lifetime,
    ILogger<TerminalSocket> logger)
{
    public async Task GetAsync(HttpContext context)
    {
        if (await users.FindAsync(context) is not { } user)
        {
            // A terminal's client follows no redirect to a sign-in page, and needs no hint what is there.
            await context.WriteAsync(
                StatusCodes.Status404NotFound,
                new ApiError("Resource not found or you do not have access to this resource"));
            return;
        }

        if (!GoUuid.TryParse(context.Request.RouteValues[AgentsApi.RouteParameter] as string, out var id) || agents.FindOwned(id, user.Id) is not { } agent)
        {
            await WritePageAsync(context, "Application Not Found", "The application or agent you are trying to access does not exist, or is not yours.");
            return;
        }

        if (TerminalQuery.Read(context.Request.Query, options.MaxTerminalCommandLength, out var wrong) is not { } request)
        {
            await context.WriteAsync(StatusCodes.Status400BadRequest, new ApiError("Query parameters have invalid values.", null, wrong));
            return;
        }

        var connection = reach.Find(agent);
        if (reach.ObstacleOf(agent) is { } obstacle || (obstacle = connection is null ? "This server has no way to the agent." : null) is not null)
        {
            await WritePageAsync(context, "Application Unavailable", obstacle);
            return;
        }

        StreamAccess.To(context, agent.Id);
        if (await WebSocketUpgrade.AcceptAsync(context, options) is not { } socket)
        {
            return;
        }

        using (socket)
        {
            await new TerminalSocket(socket, options, time, logger).RunAsync(
                connection!, request, context.Features.Get<IStreamThreadFeature>(), lifetime.ApplicationStopping);
        }
    }

    private static Task WritePageAsync(HttpContext context, string title, string text)
    {
        context.Response.StatusCode = StatusCodes.Status404NotFound;
        context.Response.ContentType = "text/html; charset=utf-8";
        return context.Response.Body.WriteAsync(
            Encoding.UTF8.GetBytes(
                $"<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>{title}</title><h1>{title}</h1><p>{WebUtility.HtmlEncode(text)}</p></html>\n"),
            context.RequestAborted).AsTask();
    }
}
