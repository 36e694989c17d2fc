using System.Security.Cryptography;
using Crypto;
using Relay.Derp.Wire;

namespace Relay.Derp.Client;

/// <summary>The client's side of the handshake (derp.md §1.8): reads ServerKey, writes ClientInfo, reads ServerInfo.</summary>
/// <param name="key">The client's key.</param>
/// <param name="info">The content of the ClientInfo frame.</param>
internal sealed class DerpLogin(NodePrivateKey key, ClientInfo info)
{
    private NaClBox? _box;

    /// <summary>The client's key.</summary>
    public NodeKey Client => key.PublicKey;

    /// <summary>The server's key, after <see cref="TryReadServerKey"/>.</summary>
    public NodeKey Server { get; private set; }

    /// <summary>Reads the payload of ServerKey.</summary>
    /// <returns>False when the payload is not that of a ServerKey.</returns>
    public bool TryReadServerKey(ReadOnlySpan<byte> payload)
    {
        var good = DerpHandshake.TryReadServerKey(payload, out var server);
        Server = server;
        return good;
    }

    /// <summary>Creates the ClientInfo frame, which answers the ServerKey of <see cref="Server"/>.</summary>
    /// <returns>Null when the server's key is a point of low order, which gives no shared secret.</returns>
    public byte[]? Answer()
    {
        _box = key.BoxWith(Server);
        try
        {
            return DerpHandshake.ClientInfo(key.PublicKey, _box, info.ToJson());
        }
        catch (CryptographicException)
        {
            return null;
        }
    }

    /// <summary>
    /// Reads the payload of ServerInfo, after <see cref="Answer"/>. The box proves that the server owns its key. Nothing depends on the
    /// JSON: the version is the same everywhere, and a server that announces a rate limit applies it itself.
    /// </summary>
    /// <returns>False when the box does not open.</returns>
    public bool TryReadServerInfo(ReadOnlySpan<byte> payload) => _box is not null && DerpHandshake.Open(_box, payload) is not null;
}
