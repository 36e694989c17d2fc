namespace Edge.Listeners;

/// <summary>A private key that cannot be used.</summary>
/// <param name="why">The reason, for the operator; never a part of the key or the password.</param>
/// <param name="isPassword">Whether the password is missing or wrong.</param>
internal sealed class PrivateKeyException(string why, bool isPassword = false) : Exception(why)
{
    public bool IsPassword { get; } = isPassword;
}
