using ControlPlane.Access;
using ControlPlane.Http;
using ControlPlane.Users;
using Microsoft.AspNetCore.Http;

namespace ControlPlane.Agents;

/// <summary>Authorizes an agent's owner, and answers all other requests with an error (tailnet.md §1.3-19).</summary>
internal sealed class OwnerAuthentication(AgentStore agents, UserAuthentication users)
{
    public const string RouteParameter = "workspaceagent";

    /// <summary>Wraps a route below <c>{workspaceagent}</c>. The session is checked first, then the agent, and the method last.</summary>
    public RequestDelegate Owned(Func<HttpContext, Agent, Task> handler) => users.SessionOrProxy(async (context, user) =>
    {
        var text = context.Request.RouteValues[RouteParameter] as string ?? "";
        if (!GoUuid.TryParse(text, out var id))
        {
            await context.WriteAsync(
                StatusCodes.Status400BadRequest,
                new ApiError($"Invalid UUID \"{text}\".", null, [new ApiValidation(RouteParameter, "must be a valid UUID")]));
            return;
        }

        if (await agents.FindOwnedAsync(id, user.Id) is not { } agent)
        {
            await context.WriteAsync(StatusCodes.Status404NotFound, ApiError.AgentNotFound);
            return;
        }

        StreamAccess.SetAgent(context, agent.Id);
        await handler(context, agent);
    });
}
