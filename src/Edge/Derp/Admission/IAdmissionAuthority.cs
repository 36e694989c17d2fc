using Relay.Derp;

namespace Edge.Derp.Admission;

/// <summary>An external source that knows which clients may use the relay.</summary>
internal interface IAdmissionAuthority : IDisposable
{
    /// <summary>The name of this source.</summary>
    AdmissionSource Source { get; }

    /// <summary>Whether the answer may depend on the client's address, and not only on its key.</summary>
    bool LooksAtAddress { get; }

    /// <summary>Whether clients are admitted while there is no answer.</summary>
    bool FailsOpen { get; }

    /// <summary>Asks about a client. Errors of the other side are verdicts, not exceptions.</summary>
    /// <param name="request">The client.</param>
    /// <param name="cancellationToken">The timeout.</param>
    /// <exception cref="OperationCanceledException">There was no answer in time.</exception>
    Task<AdmissionVerdict> AskAsync(DerpAdmissionRequest request, CancellationToken cancellationToken);
}
