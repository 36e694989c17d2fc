using ControlPlane.Access;
using ControlPlane.Http;
using Microsoft.AspNetCore.Http;

namespace ControlPlane.Agents;

/// <summary>Authenticates requests by their agent token, and answers those without a valid one with 401 (tailnet.md §2.1, §2.2).</summary>
internal sealed class AgentAuthentication(AgentStore agents, AccessSignals signals)
{
    public RequestDelegate Agent(Func<HttpContext, Agent, Task> handler) => Authenticated(handler, agents.FindByTokenAsync);

    /// <summary>The same for frequent reports, which need only the agent's id: it is mostly in the cache.</summary>
    public RequestDelegate Reporter(Func<HttpContext, Guid, Task> handler) =>
        Authenticated((context, reporter) => handler(context, reporter.Id), agents.FindReporterAsync);

    private RequestDelegate Authenticated<T>(Func<HttpContext, T, Task> handler, Func<Guid, ValueTask<T?>> find)
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
                new ApiError(
                    "Workspace agent token invalid.",
                    FormattableString.Invariant($"An agent token must be a valid UUIDv4. (len {token.Length})")));
            return;
        }

        var version = signals.Version;
        if (await find(id) is not { } agent)
        {
            await UnauthorizedAsync(context, ApiError.AgentNotAuthorized);
            return;
        }

        StreamAccess.SetAgentToken(context, id, version);
        await handler(context, agent);
    };

    private static Task UnauthorizedAsync(HttpContext context, ApiError error) =>
        context.WriteAsync(StatusCodes.Status401Unauthorized, error);
}
