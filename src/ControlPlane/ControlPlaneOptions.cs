namespace ControlPlane;

/// <summary>What the embedded API server needs to know.</summary>
public sealed class ControlPlaneOptions
{
    /// <summary>The directory that holds the database; it exists and only its owner can enter it.</summary>
    public required string DataDirectory { get; init; }
}
