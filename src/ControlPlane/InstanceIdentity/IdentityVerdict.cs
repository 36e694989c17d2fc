namespace ControlPlane.InstanceIdentity;

/// <summary>Whether a proof of identity holds, and whose it is.</summary>
internal enum IdentityOutcome
{
    Valid,

    /// <summary>Not signed by whom it should be, or not for this server, or not now.</summary>
    Invalid,

    /// <summary>Signed well, but it does not say which instance it is.</summary>
    NoInstance,

    /// <summary>It cannot be told right now.</summary>
    Unavailable,
}

/// <param name="Outcome">The verdict.</param>
/// <param name="Text">The instance's id when it is valid; otherwise why it is not, without anything of the proof itself.</param>
internal sealed record IdentityVerdict(IdentityOutcome Outcome, string Text)
{
    // Longer than any cloud's, and short enough for an answer and an index.
    private const int MaxIdCharacters = 256;

    public static IdentityVerdict Invalid(string reason) => new(IdentityOutcome.Invalid, reason);

    public static IdentityVerdict Unavailable(string reason) => new(IdentityOutcome.Unavailable, reason);

    public static IdentityVerdict Of(string? instanceId) => instanceId is { Length: > 0 and <= MaxIdCharacters } && !instanceId.Any(char.IsControl)
        ? new(IdentityOutcome.Valid, instanceId)
        : new(IdentityOutcome.NoInstance, "It names no instance.");
}
