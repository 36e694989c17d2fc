using ControlPlane.Http;
using ControlPlane.Storage;
using Microsoft.AspNetCore.Http;

namespace ControlPlane.Access;

/// <summary>
/// Tells that something may let in no more what it has let in: open streams are looked at again, and tokens are read again. There is one id,
/// that of nothing.
/// </summary>
internal sealed class AccessSignals(ChangeNotices notices) : Signals(notices, "access")
{
    /// <summary>A token, a user, a workspace or an agent is gone, or changed hands. To be called after each commit that does so.</summary>
    public void Changed() => Pulse(Guid.Empty);
}

/// <summary>By what a request was let in: it stays with the request, so that a stream can be looked at again.</summary>
/// <param name="KeyId">The session token's id; null for an agent's token.</param>
/// <param name="HashedSecret">The hash of the session token's secret, or of the agent's token.</param>
/// <param name="AgentId">The agent that the user asked for; empty if none.</param>
/// <param name="EndsWithAgent">The stream ends in its own way when that agent is gone.</param>
internal sealed record StreamAccess(string? KeyId, byte[] HashedSecret, Guid AgentId, bool EndsWithAgent = false)
{
    /// <summary>The same for the same credentials and agent.</summary>
    public string Key => $"{KeyId} {Convert.ToHexStringLower(HashedSecret)} {AgentId:N} {EndsWithAgent}";

    /// <summary>The request was let in by this session token.</summary>
    public static void OfUser(HttpContext context, string keyId, byte[] hashedSecret) =>
        context.Features.Set(new StreamAccess(keyId, hashedSecret, Guid.Empty));

    /// <summary>The request was let in by this agent's token.</summary>
    public static void OfAgent(HttpContext context, Guid token)
    {
        // Only streams are looked at again: all else needs no second hash.
        if (context.WebSockets.IsWebSocketRequest)
        {
            context.Features.Set(new StreamAccess(null, Secrets.Hash(token), Guid.Empty));
        }
    }

    /// <summary>What it asks for is this agent's, which must stay its user's.</summary>
    public static void To(HttpContext context, Guid agentId) => Change(context, access => access with { AgentId = agentId });

    /// <summary>The stream ends in its own way when the agent is gone.</summary>
    public static void LeaveEndToStream(HttpContext context) => Change(context, static access => access with { EndsWithAgent = true });

    private static void Change(HttpContext context, Func<StreamAccess, StreamAccess> change)
    {
        if (context.Features.Get<StreamAccess>() is { } access)
        {
            context.Features.Set(change(access));
        }
    }
}
