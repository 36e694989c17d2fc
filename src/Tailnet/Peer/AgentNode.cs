using System.Net;
using System.Net.Sockets;
using Tailnet.Ip.Wire;
using Tailnet.Messages;

namespace Tailnet.Peer;

/// <summary>What this node needs of an agent's node message (docs/wire/tailnet-node.md §2).</summary>
/// <param name="Key">The public key.</param>
/// <param name="Disco">The disco key, 32 bytes; empty for none.</param>
/// <param name="Addresses">The IPv6 addresses, without those that are not single addresses.</param>
/// <param name="Home">The home region; 0 for none.</param>
internal readonly record struct AgentNode(NodeKey Key, byte[] Disco, Ipv6Address[] Addresses, int Home)
{
    private const string DiscoPrefix = "discokey:";
    private const int MaxAddresses = 8;

    /// <summary>The first two bytes of a node key in a message.</summary>
    public static ReadOnlySpan<byte> KeyPrefix => "np"u8;

    /// <summary>Reads a node message. False when its key has another form.</summary>
    public static bool TryRead(Node node, out AgentNode read)
    {
        read = default;
        var key = node.Key.Span;
        if (key.Length != KeyPrefix.Length + NodeKey.Size || !key.StartsWith(KeyPrefix))
        {
            return false;
        }

        read = new AgentNode(NodeKey.Read(key[KeyPrefix.Length..]), ReadDisco(node.Disco), ReadAddresses(node), node.PreferredDerp);
        return true;
    }

    private static byte[] ReadDisco(string text)
    {
        var bytes = new byte[NodeKey.Size];
        return text.Length == DiscoPrefix.Length + (2 * NodeKey.Size)
            && text.StartsWith(DiscoPrefix, StringComparison.Ordinal)
            && Convert.FromHexString(text.AsSpan(DiscoPrefix.Length), bytes, out _, out _) == System.Buffers.OperationStatus.Done
            ? bytes
            : [];
    }

    private static Ipv6Address[] ReadAddresses(Node node)
    {
        List<Ipv6Address> addresses = [];
        foreach (var prefix in node.Addresses)
        {
            if (addresses.Count < MaxAddresses
                && IPNetwork.TryParse(prefix, out var network)
                && network.BaseAddress.AddressFamily == AddressFamily.InterNetworkV6
                && network.PrefixLength == 128)
            {
                addresses.Add(new Ipv6Address(network.BaseAddress));
            }
        }

        return [.. addresses];
    }
}
