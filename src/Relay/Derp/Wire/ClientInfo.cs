using System.Buffers;
using System.Text.Json;

namespace Relay.Derp.Wire;

/// <summary>The JSON object in the box of a ClientInfo frame (derp.md §2.4).</summary>
/// <param name="Version">The client's protocol version; nothing depends on it.</param>
/// <param name="MeshKey">The client's mesh key, or null. A secret.</param>
/// <param name="CanAckPings">Whether the client answers pings.</param>
/// <param name="IsProber">Whether the client is a prober.</param>
internal sealed record ClientInfo(int Version, string? MeshKey, bool CanAckPings, bool IsProber)
{
    /// <summary>
    /// Reads the JSON as Go does: names in any case, the last of a repeated name counts, unknown members are ignored. A <c>meshKey</c> that
    /// is not text, null included, is invalid; the server checks the text.
    /// </summary>
    /// <param name="json">The opened box.</param>
    /// <returns>Null for invalid JSON.</returns>
    public static ClientInfo? Parse(ReadOnlySpan<byte> json)
    {
        try
        {
            var reader = new Utf8JsonReader(json, new JsonReaderOptions { MaxDepth = 16 });
            return reader.Read() && reader.TokenType == JsonTokenType.StartObject ? ReadMembers(ref reader) : null;
        }
        catch (Exception exception) when (exception is JsonException or InvalidOperationException)
        {
            // InvalidOperationException means text that is not UTF-8, or an unpaired surrogate.
            return null;
        }
    }

    /// <summary>Writes the JSON in the order that Tailscale's clients use.</summary>
    public byte[] ToJson()
    {
        var buffer = new ArrayBufferWriter<byte>(64);
        using var writer = new Utf8JsonWriter(buffer);
        writer.WriteStartObject();
        if (MeshKey is not null)
        {
            writer.WriteString("meshKey", MeshKey);
        }

        writer.WriteNumber("version", Version);
        writer.WriteBoolean(nameof(CanAckPings), CanAckPings);
        if (IsProber)
        {
            writer.WriteBoolean(nameof(IsProber), true);
        }

        writer.WriteEndObject();
        writer.Flush();
        return buffer.WrittenSpan.ToArray();
    }

    private static ClientInfo? ReadMembers(ref Utf8JsonReader reader)
    {
        var info = new ClientInfo(0, null, false, false);
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var name = reader.GetString()!;
            if (!reader.Read() || ReadMember(info, name, ref reader) is not { } next)
            {
                return null;
            }

            info = next;
        }

        // Nothing may follow the object: a further read returns false then, and throws otherwise.
        return reader.TokenType == JsonTokenType.EndObject && !reader.Read() ? info : null;
    }

    private static ClientInfo? ReadMember(ClientInfo info, string name, ref Utf8JsonReader reader)
    {
        var token = reader.TokenType;
        var isBool = token is JsonTokenType.True or JsonTokenType.False;
        if (Is(name, "meshKey"))
        {
            return token == JsonTokenType.String ? info with { MeshKey = reader.GetString() } : null;
        }

        if (Is(name, "version"))
        {
            return token == JsonTokenType.Null ? info
                : token == JsonTokenType.Number && reader.TryGetInt32(out var version) ? info with { Version = version } : null;
        }

        if (Is(name, nameof(CanAckPings)))
        {
            return token == JsonTokenType.Null ? info : isBool ? info with { CanAckPings = token == JsonTokenType.True } : null;
        }

        if (Is(name, nameof(IsProber)))
        {
            return token == JsonTokenType.Null ? info : isBool ? info with { IsProber = token == JsonTokenType.True } : null;
        }

        reader.Skip();
        return info;
    }

    private static bool Is(string name, string expected) => name.Equals(expected, StringComparison.OrdinalIgnoreCase);
}
