using ControlPlane.Access;
using ControlPlane.Http;
using Microsoft.AspNetCore.Http;

namespace ControlPlane.Agents;

/// <summary>Lets requests with a valid agent token through, and answers the others (tailnet.md §2.1, §2.2).</summary>
internal sealed class AgentAuthentication(AgentStore agents)
{
    public RequestDelegate Agent(Func<HttpContext, Agent, Task> handler) => Checked(handler, agents.FindByTokenAsync);

    /// <summary>The same for a report that agents send all the time and that needs no more of the agent than who it is, which is mostly known.</summary>
    public RequestDelegate Reporter(Func<HttpContext, Guid, Task> handler) =>
        Checked((context, reporter) => handler(context, reporter.Id), agents.FindReporterAsync);

    private static RequestDelegate Checked<T>(Func<HttpContext, T, Task> handler, Func<Guid, ValueTask<T?>> find)
        where T : class => async context =>
    {
        var token = RequestToken.Find(context.Request);
        if (token.Length == 0)
        {
            await UnauthorizedAsync(context, new ApiError($"Cookie \"{RequestToken.CookieName}\" must be provided."));
            return;
        }

        if (!GoUuid.TryParse(token, out var id))
        {
            await UnauthorizedAsync(
                context,
                new ApiError("Workspace agent token invalid.", FormattableString.Invariant($"An agent token must be a valid UUIDv4. (len {token.Length})")));
            return;
        }

        if (await find(id) is not { } agent)
        {
            await UnauthorizedAsync(context, ApiError.AgentNotAuthorized);
            return;
        }

        StreamAccess.SetAgentToken(context, id);
        await handler(context, agent);
    };

    private static Task UnauthorizedAsync(HttpContext context, ApiError error) => context.WriteAsync(StatusCodes.Status401Unauthorized, error);
}
