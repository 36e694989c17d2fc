using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;
using System.Text;

namespace Relay.Derp.Wire;

/// <summary>
/// The secret that the servers of a mesh share (derp.md §2.7). derper's keys are 64 hex digits; Coder's are any text. The form of the
/// configured key decides how strictly a client's key is read.
/// </summary>
public sealed class MeshKey
{
    private readonly byte[] _secret;

    private MeshKey(byte[] secret, string text, bool isHex) => (_secret, Text, IsHex) = (secret, text, isHex);

    /// <summary>Whether the key has derper's form.</summary>
    public bool IsHex { get; }

    /// <summary>The text that a client sends. A secret.</summary>
    internal string Text { get; }

    /// <summary>Reads a configured key. White space around it is ignored.</summary>
    /// <param name="text">64 hex digits, or another line of 16 to 256 characters that are not hex digits alone.</param>
    /// <param name="key">The key.</param>
    /// <returns>
    /// False for a text that is too short for a secret or too long, for 64 zeros (which mean "no key"), for hex digits that are not 64
    /// (derper's form with a digit lost), and for several lines (two keys).
    /// </returns>
    public static bool TryParse([NotNullWhen(true)] string? text, [NotNullWhen(true)] out MeshKey? key)
    {
        key = null;
        var trimmed = text?.Trim() ?? "";
        if (trimmed.Length is < 16 or > 256 || trimmed.Any(char.IsControl))
        {
            return false;
        }

        if (NodeKey.TryParseHex(trimmed, out var value))
        {
            if (!value.IsZero)
            {
                key = new MeshKey(Convert.FromHexString(trimmed), trimmed.ToLowerInvariant(), isHex: true);
            }

            return key is not null;
        }

        if (trimmed.All(char.IsAsciiHexDigit))
        {
            return false;
        }

        key = new MeshKey(Encoding.UTF8.GetBytes(trimmed), trimmed, isHex: false);
        return true;
    }

    /// <summary>Whether both are the same secret, in constant time.</summary>
    /// <param name="other">The other key.</param>
    public bool IsSame(MeshKey other)
    {
        ArgumentNullException.ThrowIfNull(other);
        return IsHex == other.IsHex && CryptographicOperations.FixedTimeEquals(_secret, other._secret);
    }

    /// <summary>Compares this key with a client's, in constant time.</summary>
    /// <param name="offered">The client's <c>meshKey</c>, which <see cref="IsWellFormed"/> has checked.</param>
    internal bool Matches(string? offered)
    {
        if (offered is null)
        {
            return false;
        }

        if (!IsHex)
        {
            return CryptographicOperations.FixedTimeEquals(Encoding.UTF8.GetBytes(offered), _secret);
        }

        Span<byte> bytes = stackalloc byte[NodeKey.Length];
        return offered.Length == 2 * NodeKey.Length
            && Convert.FromHexString(offered, bytes, out _, out _) == System.Buffers.OperationStatus.Done
            && CryptographicOperations.FixedTimeEquals(bytes, _secret);
    }

    /// <summary>Whether a client's <c>meshKey</c> has derper's form (derp.md §2.4): 64 hex digits.</summary>
    internal static bool IsWellFormed(string offered) => NodeKey.TryParseHex(offered, out _);
}
