using Tailnet.Messages;

namespace Tailnet.Services;

/// <summary>Tokens by which a client gets its peer id again after a reconnect.</summary>
public interface IResumeTokens
{
    /// <summary>Issues a token for a peer.</summary>
    /// <param name="peer">The peer's id.</param>
    /// <param name="cancellationToken">Cancels the call.</param>
    ValueTask<RefreshResumeTokenResponse> IssueAsync(Guid peer, CancellationToken cancellationToken);
}
