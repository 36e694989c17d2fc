using Relay.Derp;

namespace Edge.Derp.Admission;

/// <summary>Somebody outside of the process who knows which clients may use the relay.</summary>
internal interface IAdmissionAuthority : IDisposable
{
    /// <summary>Which source this is.</summary>
    AdmissionSource Source { get; }

    /// <summary>Whether the answer may depend on the client's address, and not only on its key.</summary>
    bool LooksAtAddress { get; }

    /// <summary>Whether a client is let in when there is no answer.</summary>
    bool FailsOpen { get; }

    /// <summary>Asks. Throws for nothing that the other side does, except that it was too slow.</summary>
    /// <param name="request">The client.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <exception cref="OperationCanceledException">There was no answer before the wait ended.</exception>
    Task<AdmissionVerdict> AskAsync(DerpAdmissionRequest request, CancellationToken cancellationToken);
}
