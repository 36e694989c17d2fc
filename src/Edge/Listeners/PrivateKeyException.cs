namespace Edge.Listeners;

/// <summary>A private key that cannot be used.</summary>
/// <param name="why">What is wrong, for the operator; never a part of the key or the password.</param>
/// <param name="isPassword">Whether the password is what is wrong.</param>
internal sealed class PrivateKeyException(string why, bool isPassword = false) : Exception(why)
{
    public bool IsPassword { get; } = isPassword;
}
