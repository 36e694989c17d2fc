using System.Security.Cryptography;

namespace Tailnet.Coordination.Shared;

/// <summary>The key of a sender's frames.</summary>
internal static class FrameKey
{
    /// <summary>
    /// Derives it by HKDF-SHA256 from the deployment's secret. The generation is a part of it, because a server counts its frames from 1
    /// again in each: under one key, nonces would repeat.
    /// </summary>
    public static AesGcm Derive(ReadOnlySpan<byte> secret, Guid generation, Guid server)
    {
        Span<byte> salt = stackalloc byte[16];
        server.TryWriteBytes(salt, bigEndian: true, out _);
        Span<byte> info = [.. "edge tailnet bus 1"u8, .. generation.ToByteArray(bigEndian: true)];
        Span<byte> key = stackalloc byte[32];
        HKDF.DeriveKey(HashAlgorithmName.SHA256, secret, key, salt, info);
        var cipher = new AesGcm(key, BusFrame.TagLength);
        CryptographicOperations.ZeroMemory(key);
        return cipher;
    }
}
