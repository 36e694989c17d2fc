using System.Net;
using System.Net.WebSockets;
using System.Text;
using ControlPlane.Access;
using ControlPlane.Agents;
using ControlPlane.Connections;
using ControlPlane.Http;
using ControlPlane.Users;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Tailnet.Peer;

namespace ControlPlane.Terminals;

/// <summary>
/// <c>GET {id}/pty</c>: a shell over a WebSocket (tailnet.md §6.1). Error responses before the upgrade have the forms of that section.
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
    /// <summary>
    /// In a response, the UUID of the client's shell. In a request, the UUID of the shell that the client was attached to before: if that
    /// shell no longer exists, the response is 410, and no new shell is started.
    /// </summary>
    private const string ShellHeader = "Edge-Shell";

    /// <summary>
    /// An edge attaches a client that had this terminal before, at another API server or at this one before its restart. While the agent
    /// cannot be reached, the response is 503, and the edge tries again: a 404 or a close would end the client's terminal. Agents connect
    /// again some seconds after a restart.
    /// </summary>
    private const string ResumeHeader = "Edge-Resume";

    public async Task GetAsync(HttpContext context)
    {
        if (await users.FindAsync(context) is not { } user)
        {
            // A WebSocket client cannot follow a redirect to a sign-in page. 404 does not reveal whether the agent exists.
            await context.WriteAsync(
                StatusCodes.Status404NotFound,
                new ApiError("Resource not found or you do not have access to this resource"));
            return;
        }

        if (!GoUuid.TryParse(context.Request.RouteValues[OwnerAuthentication.RouteParameter] as string, out var id)
            || await agents.FindOwnedAsync(id, user.Id) is not { } agent)
        {
            await WritePageAsync(
                context,
                "Application Not Found",
                "The application or agent you are trying to access does not exist, or is not yours.");
            return;
        }

        if (TerminalQuery.Read(context.Request.Query, options.MaxTerminalCommandLength, out var errors) is not { } request)
        {
            await WriteInvalidAsync(context, errors);
            return;
        }

        if (context.Request.Headers[ShellHeader] is [{ } text, ..])
        {
            if (!Guid.TryParse(text, out var shell))
            {
                await context.WriteAsync(StatusCodes.Status400BadRequest, new ApiError($"The header {ShellHeader} must be a UUID."));
                return;
            }

            request = request with { Shell = shell };
        }

        // The local agent names its shells, so a terminal without a shell was one of an agent on the tailnet.
        var isResumed = context.Request.Headers.ContainsKey(ResumeHeader);
        if ((isResumed && request.Shell is null ? reach.FindOnTailnet(agent) : reach.Find(agent)) is not { } connection)
        {
            await (isResumed
                ? WriteNotNowAsync(context, reach.UnreachableError(agent))
                : WriteUnavailableAsync(context, reach.UnreachableError(agent)));
            return;
        }

        if (!connection.Accepts(request))
        {
            await WriteInvalidAsync(context, [new("command", "The command is too long for this agent.")]);
            return;
        }

        if (await WebSocketUpgrade.IsHandshakeAsync(context))
        {
            await AttachAsync(context, agent, connection, request, isResumed || request.Shell is not null);
        }
    }

    /// <summary>Opens the terminal before the WebSocket, so that the response to the upgrade can name the shell.</summary>
    private async Task AttachAsync(
        HttpContext context, Agent agent, IAgentConnection connection, TerminalRequest request, bool isResumed)
    {
        OpenedTerminal opened;
        try
        {
            opened = await OpenedTerminal.OpenAsync(
                connection, request, options, time, context.RequestAborted, lifetime.ApplicationStopping);
        }
        catch (AgentConnectionException exception) when (exception.Dial is DialFailure.NoNode)
        {
            await (isResumed ? WriteNotNowAsync(context, exception.Message) : WriteUnavailableAsync(context, exception.Message));
            return;
        }
        catch (AgentConnectionException gone)
        {
            await context.WriteAsync(StatusCodes.Status410Gone, new ApiError("The terminal no longer exists.", gone.Message));
            return;
        }

        if (isResumed && opened.Failure is { } failure)
        {
            await WriteNotNowAsync(context, failure.Reason);
            return;
        }

        WebSocket? socket = null;
        try
        {
            if (opened.Terminal?.Shell is { } shell)
            {
                context.Response.Headers[ShellHeader] = shell.ToString("D");
            }

            StreamAccess.SetAgent(context, agent.Id);
            socket = await WebSocketUpgrade.AcceptAsync(context, options);
        }
        finally
        {
            if (socket is null && opened.Terminal is { } unused)
            {
                await unused.DisposeAsync();
            }
        }

        using (socket)
        {
            if (socket is not null)
            {
                await new TerminalSocket(socket, options, time, logger).RunAsync(
                    opened, context.Features.Get<IStreamThreadFeature>(), lifetime.ApplicationStopping);
            }
        }
    }

    private static Task WriteInvalidAsync(HttpContext context, IReadOnlyList<ApiValidation> errors) =>
        context.WriteAsync(StatusCodes.Status400BadRequest, new ApiError("Query parameters have invalid values.", null, errors));

    /// <summary>
    /// After 503 a client that reconnects tries again. It would take an immediate close of the WebSocket for the terminal's end.
    /// </summary>
    private static Task WriteNotNowAsync(HttpContext context, string reason) => context.WriteAsync(
        StatusCodes.Status503ServiceUnavailable, new ApiError("The terminal cannot be opened now.", reason));

    private static Task WriteUnavailableAsync(HttpContext context, string reason) =>
        WritePageAsync(context, "Application Unavailable", reason);

    private static Task WritePageAsync(HttpContext context, string title, string text)
    {
        context.Response.StatusCode = StatusCodes.Status404NotFound;
        context.Response.ContentType = "text/html; charset=utf-8";
        var page = $"<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>{title}</title>"
            + $"<h1>{title}</h1><p>{WebUtility.HtmlEncode(text)}</p></html>\n";
        return context.Response.Body.WriteAsync(Encoding.UTF8.GetBytes(page), context.RequestAborted).AsTask();
    }
}
