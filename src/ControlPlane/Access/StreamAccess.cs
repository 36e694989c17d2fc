using ControlPlane.Http;
using ControlPlane.Storage;
using Microsoft.AspNetCore.Http;

namespace ControlPlane.Access;

/// <summary>
/// Signals that access may have been revoked: open streams and cached tokens are checked again. The signal has no subject, so its id is
/// always the empty one.
/// </summary>
internal sealed class AccessSignals(ChangeNotices notices) : Signals(notices, "access")
{
    /// <summary>Must be called after each commit that deletes a token, user, workspace or agent, or changes its owner.</summary>
    public void Changed() => Pulse(Guid.Empty);
}

/// <summary>
/// The credentials that authorized a request. A feature of the request holds them, so that its stream can be checked again.
/// </summary>
/// <param name="KeyId">The session token's id; null for an agent's token.</param>
/// <param name="HashedSecret">The hash of the session token's secret, or of the agent's token.</param>
/// <param name="AgentId">The agent that the user requested; empty if none.</param>
/// <param name="Version">The version of <see cref="AccessSignals"/> before the credentials were checked.</param>
/// <param name="EndsWithAgent">The endpoint itself ends the stream when that agent is deleted.</param>
internal sealed record StreamAccess(string? KeyId, byte[] HashedSecret, Guid AgentId, long Version, bool EndsWithAgent = false)
{
    /// <summary>Equal for equal credentials and agents.</summary>
    public string Key => $"{KeyId} {Convert.ToHexStringLower(HashedSecret)} {AgentId:N} {EndsWithAgent}";

    /// <summary>Records that a session token authorized the request.</summary>
    public static void SetSessionToken(HttpContext context, string keyId, byte[] hashedSecret, long version) =>
        context.Features.Set(new StreamAccess(keyId, hashedSecret, Guid.Empty, version));

    /// <summary>Records that an agent's token authorized the request.</summary>
    public static void SetAgentToken(HttpContext context, Guid token, long version)
    {
        // Only streams are checked again, so all other requests save the hash.
        if (context.WebSockets.IsWebSocketRequest)
        {
            context.Features.Set(new StreamAccess(null, Secrets.Hash(token), Guid.Empty, version));
        }
    }

    /// <summary>Ties the stream to an agent: it is closed when the agent no longer belongs to the user.</summary>
    public static void SetAgent(HttpContext context, Guid agentId) => Change(context, access => access with { AgentId = agentId });

    /// <summary>Excepts the stream from the check whether its agent exists: its endpoint ends it when the agent is deleted.</summary>
    public static void SetEndsWithAgent(HttpContext context) => Change(context, static access => access with { EndsWithAgent = true });

    private static void Change(HttpContext context, Func<StreamAccess, StreamAccess> change)
    {
        if (context.Features.Get<StreamAccess>() is { } access)
        {
            context.Features.Set(change(access));
        }
    }
}
