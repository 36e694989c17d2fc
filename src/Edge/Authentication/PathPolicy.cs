namespace Edge.Authentication;

/// <summary>What a path requires of a request.</summary>
internal enum Requirement
{
    /// <summary>Nothing. The edge does not check tokens.</summary>
    Anonymous,

    /// <summary>A valid token.</summary>
    Authenticated,

    /// <summary>A valid token with a specific claim.</summary>
    Claim,
}

/// <summary>A requirement for everything at and below a path.</summary>
/// <param name="Path">The path. It begins with a slash and ends without one; the root is empty.</param>
/// <param name="Requirement">What the path requires.</param>
/// <param name="ClaimType">With <see cref="Requirement.Claim"/>: the claim's name.</param>
/// <param name="ClaimValue">With <see cref="Requirement.Claim"/>: its value, or one of the values when the claim is a list.</param>
internal sealed record PathPolicy(string Path, Requirement Requirement, string? ClaimType = null, string? ClaimValue = null)
{
    /// <summary>Whether a path is this one or below it. Case is ignored.</summary>
    public bool Covers(string path) => IsAtOrBelow(path, Path);

    internal static bool IsAtOrBelow(string path, string prefix) =>
        path.StartsWith(prefix, StringComparison.OrdinalIgnoreCase) && (path.Length == prefix.Length || path[prefix.Length] == '/');
}
