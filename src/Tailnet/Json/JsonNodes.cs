using System.Buffers;
using System.Globalization;
using System.Net;
using System.Text.Json;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Tailnet.Messages;

namespace Tailnet.Json;

/// <summary>Reads and writes nodes in the JSON of coordination version 1 (tailnet.md §3.1).</summary>
internal static class JsonNodes
{
    private const string NodeKey = "nodekey:";
    private const string DiscoKey = "discokey:";
    private const string NoTime = "0001-01-01T00:00:00Z";
    private const int KeyBytes = 32;
    private const int MaxDepth = 16;

    private static readonly string NoDisco = DiscoKey + new string('0', 2 * KeyBytes);

    /// <summary>
    /// Reads a node. Returns null for broken JSON, wrong types, and invalid keys and prefixes. As in Go, names are read in any case,
    /// unknown names are skipped, and null or missing members are empty. Never throws.
    /// </summary>
    public static Node? TryRead(in ReadOnlySequence<byte> json)
    {
        try
        {
            using var document = JsonDocument.Parse(json, new JsonDocumentOptions { MaxDepth = MaxDepth });
            return Read(document.RootElement);
        }
        catch (Exception broken) when (broken is JsonException or InvalidOperationException or FormatException)
        {
            // InvalidOperationException means text that is not UTF-8, or a value whose type is not that of its field.
            return null;
        }
    }

    /// <summary>Writes an array of the nodes that <see cref="CanWrite"/> allows.</summary>
    public static void Write(IBufferWriter<byte> output, IEnumerable<Node> nodes)
    {
        using var json = new Utf8JsonWriter(output);
        json.WriteStartArray();
        foreach (var node in nodes)
        {
            if (CanWrite(node))
            {
                Write(json, node);
            }
        }

        json.WriteEndArray();
    }

    /// <summary>Whether the format can express the node's key.</summary>
    public static bool CanWrite(Node node) => node.Key.Length == KeyBytes + 2 && node.Key.Span.StartsWith("np"u8);

    private static Node? Read(JsonElement json)
    {
        if (json.ValueKind != JsonValueKind.Object)
        {
            return null;
        }

        // A node without a key has the zero key.
        var node = new Node { Key = WireKey(new byte[KeyBytes]), Disco = NoDisco };
        foreach (var field in json.EnumerateObject())
        {
            if (field.Value.ValueKind != JsonValueKind.Null && !TrySet(node, field.Name.ToLowerInvariant(), field.Value))
            {
                return null;
            }
        }

        return node;
    }

    private static bool TrySet(Node node, string name, JsonElement value)
    {
        switch (name)
        {
            case "id":
                node.Id = value.GetInt64();
                return true;
            case "as_of":
                node.AsOf = Timestamp.FromDateTimeOffset(value.GetDateTimeOffset());
                return true;
            case "key":
                node.Key = TryReadKey(value.GetString()!, NodeKey) is { } key ? WireKey(key) : ByteString.Empty;
                return !node.Key.IsEmpty;
            case "disco":
                node.Disco = value.GetString()!;
                return TryReadKey(node.Disco, DiscoKey) is not null;
            case "preferred_derp":
                node.PreferredDerp = value.GetInt32();
                return true;
            case "derp_latency":
                foreach (var latency in value.EnumerateObject())
                {
                    node.DerpLatency[latency.Name] = latency.Value.GetDouble();
                }

                return true;
            case "derp_forced_websockets":
                foreach (var reason in value.EnumerateObject())
                {
                    if (!int.TryParse(reason.Name, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var region))
                    {
                        return false;
                    }

                    node.DerpForcedWebsocket[region] = reason.Value.GetString() ?? "";
                }

                return true;
            case "addresses":
                node.Addresses.AddRange(Texts(value));
                return node.Addresses.All(IsPrefix);
            case "allowed_ips":
                node.AllowedIps.AddRange(Texts(value));
                return node.AllowedIps.All(IsPrefix);
            case "endpoints":
                node.Endpoints.AddRange(Texts(value));
                return true;
            default:
                return true;
        }
    }

    private static IEnumerable<string> Texts(JsonElement array) => array.EnumerateArray().Select(static text => text.GetString() ?? "");

    private static bool IsPrefix(string text)
    {
        var slash = text.IndexOf('/', StringComparison.Ordinal);
        return slash > 0
            && IPAddress.TryParse(text.AsSpan(0, slash), out var address)
            && byte.TryParse(text.AsSpan(slash + 1), NumberStyles.None, CultureInfo.InvariantCulture, out var bits)
            && bits <= address.GetAddressBytes().Length * 8;
    }

    private static byte[]? TryReadKey(string text, string prefix)
    {
        var key = new byte[KeyBytes];
        return text.StartsWith(prefix, StringComparison.Ordinal)
            && text.Length == prefix.Length + (2 * KeyBytes)
            && Convert.FromHexString(text.AsSpan(prefix.Length), key, out _, out var written) == OperationStatus.Done
            && written == KeyBytes
                ? key
                : null;
    }

    private static ByteString WireKey(byte[] key) => ByteString.CopyFrom([.. "np"u8, .. key]);

    private static void Write(Utf8JsonWriter json, Node node)
    {
        json.WriteStartObject();
        json.WriteNumber("id", node.Id);
        json.WriteString("as_of", TimeOf(node.AsOf));
        json.WriteString("key", NodeKey + Convert.ToHexStringLower(node.Key.Span[2..]));
        json.WriteString("disco", node.Disco.Length > 0 ? node.Disco : NoDisco);
        json.WriteNumber("preferred_derp", node.PreferredDerp);
        json.WriteStartObject("derp_latency");
        foreach (var (region, seconds) in node.DerpLatency.Where(static latency => double.IsFinite(latency.Value)))
        {
            json.WriteNumber(region, seconds);
        }

        json.WriteEndObject();
        json.WriteStartObject("derp_forced_websockets");
        foreach (var (region, reason) in node.DerpForcedWebsocket)
        {
            json.WriteString(region.ToString(CultureInfo.InvariantCulture), reason);
        }

        json.WriteEndObject();
        WriteTexts(json, "addresses", node.Addresses);
        WriteTexts(json, "allowed_ips", node.AllowedIps);
        WriteTexts(json, "endpoints", node.Endpoints);
        json.WriteEndObject();
    }

    // A peer of version 2 may have sent a time that the format cannot express.
    private static string TimeOf(Timestamp? time) =>
        time is { Nanos: >= 0 and <= 999_999_999 }
        && time.Seconds >= DateTimeOffset.MinValue.ToUnixTimeSeconds()
        && time.Seconds <= DateTimeOffset.MaxValue.ToUnixTimeSeconds()
            ? time.ToDateTime().ToString("yyyy-MM-dd'T'HH:mm:ss.FFFFFFF'Z'", CultureInfo.InvariantCulture)
            : NoTime;

    private static void WriteTexts(Utf8JsonWriter json, string name, IEnumerable<string> texts)
    {
        json.WriteStartArray(name);
        foreach (var text in texts)
        {
            json.WriteStringValue(text);
        }

        json.WriteEndArray();
    }
}
