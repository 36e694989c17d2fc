namespace ControlPlane.InstanceIdentity;

/// <summary>The kind of result of an identity's verification.</summary>
internal enum IdentityOutcome
{
    Valid,

    /// <summary>The signature, the audience or the time is wrong.</summary>
    Invalid,

    /// <summary>The signature is valid, but the document names no instance.</summary>
    NoInstance,

    /// <summary>The keys for the verification are missing at the moment.</summary>
    Unavailable,
}

/// <summary>The result of an identity's verification.</summary>
/// <param name="Outcome">The kind of result.</param>
/// <param name="Text">The instance's id when it is valid, otherwise the reason. A reason quotes nothing of the document.</param>
internal sealed record IdentityVerdict(IdentityOutcome Outcome, string Text)
{
    // Longer than the ids of all clouds, and short enough for a response and a database index.
    private const int MaxIdCharacters = 256;

    public static IdentityVerdict Invalid(string reason) => new(IdentityOutcome.Invalid, reason);

    public static IdentityVerdict Unavailable(string reason) => new(IdentityOutcome.Unavailable, reason);

    public static IdentityVerdict Of(string? instanceId) =>
        instanceId is { Length: > 0 and <= MaxIdCharacters } && !instanceId.Any(char.IsControl)
            ? new(IdentityOutcome.Valid, instanceId)
            : new(IdentityOutcome.NoInstance, "The document names no instance.");
}
