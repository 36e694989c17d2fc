using ControlPlane.Access;
using ControlPlane.Http;
using Microsoft.AspNetCore.Http;

namespace ControlPlane.Agents;

/// <summary>Lets requests with a valid agent token through, and answers the others (tailnet.md §2.1, §2.2).</summary>
internal sealed class AgentAuthentication(AgentStore agents)
{
    public RequestDelegate Agent(Func<HttpContext, Agent, Task> handler) => context =>
    {
        var token = RequestToken.Find(context.Request);
        if (token.Length == 0)
        {
            return UnauthorizedAsync(context, new ApiError($"Cookie \"{RequestToken.CookieName}\" must be provided."));
        }

        if (!GoUuid.TryParse(token, out var id))
        {
            return UnauthorizedAsync(
                context,
                new ApiError("Workspace agent token invalid.", FormattableString.Invariant($"An agent token must be a valid UUIDv4. (len {token.Length})")));
        }

        if (agents.FindByToken(id) is not { } agent)
        {
            return UnauthorizedAsync(context, ApiError.AgentNotAuthorized);
        }

        StreamAccess.OfAgent(context, id);
        return handler(context, agent);
    };

    private static Task UnauthorizedAsync(HttpContext context, ApiError error) => context.WriteAsync(StatusCodes.Status401Unauthorized, error);
}
