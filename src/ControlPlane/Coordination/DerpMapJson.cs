using System.Buffers;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;
using Tailnet.Messages;

namespace ControlPlane.Coordination;

/// <summary>
/// Writes a DERP map as the JSON of Coder's and Tailscale's clients (tailnet.md §4.2): Go's field names, without empty fields.
/// </summary>
internal static class DerpMapJson
{
    /// <summary>Writes the map and a newline.</summary>
    public static ReadOnlyMemory<byte> Write(DERPMap map)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(buffer))
        {
            Write(json, map);
        }

        buffer.Write("\n"u8);
        return buffer.WrittenMemory;
    }

    /// <summary>Writes the map as one JSON value.</summary>
    public static void Write(Utf8JsonWriter json, DERPMap map)
    {
        json.WriteStartObject();
        if (map.HomeParams is { RegionScore.Count: > 0 } home)
        {
            WriteHome(json, home);
        }

        json.WriteStartObject("Regions");
        foreach (var (id, region) in map.Regions.OrderBy(static region => region.Key))
        {
            json.WriteStartObject(id.ToString(CultureInfo.InvariantCulture));
            WriteRegion(json, region);
            json.WriteEndObject();
        }

        json.WriteEndObject();
        json.WriteEndObject();
    }

    private static void WriteHome(Utf8JsonWriter json, DERPMap.Types.HomeParams home)
    {
        json.WriteStartObject("HomeParams");
        json.WriteStartObject("RegionScore");
        foreach (var (id, score) in home.RegionScore.Where(static score => double.IsFinite(score.Value)))
        {
            json.WriteNumber(id.ToString(CultureInfo.InvariantCulture), score);
        }

        json.WriteEndObject();
        json.WriteEndObject();
    }

    private static void WriteRegion(Utf8JsonWriter json, DERPMap.Types.Region region)
    {
        json.WriteBoolean("EmbeddedRelay", region.EmbeddedRelay);
        json.WriteNumber("RegionID", region.RegionId);
        json.WriteString("RegionCode", region.RegionCode);
        json.WriteString("RegionName", region.RegionName);
        WriteIf(json, "Avoid", region.Avoid);
        json.WriteStartArray("Nodes");
        foreach (var node in region.Nodes)
        {
            json.WriteStartObject();
            json.WriteString("Name", node.Name);
            json.WriteNumber("RegionID", node.RegionId);
            json.WriteString("HostName", node.HostName);
            WriteIf(json, "CertName", node.CertName);
            WriteIf(json, "IPv4", node.Ipv4);
            WriteIf(json, "IPv6", node.Ipv6);
            WriteIf(json, "STUNPort", node.StunPort);
            WriteIf(json, "STUNOnly", node.StunOnly);
            WriteIf(json, "DERPPort", node.DerpPort);
            WriteIf(json, "InsecureForTests", node.InsecureForTests);
            WriteIf(json, "ForceHTTP", node.ForceHttp);
            WriteIf(json, "STUNTestIP", node.StunTestIp);
            WriteIf(json, "CanPort80", node.CanPort80);
            json.WriteEndObject();
        }

        json.WriteEndArray();
    }

    private static void WriteIf(Utf8JsonWriter json, string name, bool value)
    {
        if (value)
        {
            json.WriteBoolean(name, value);
        }
    }

    private static void WriteIf(Utf8JsonWriter json, string name, int value)
    {
        if (value != 0)
        {
            json.WriteNumber(name, value);
        }
    }

    private static void WriteIf(Utf8JsonWriter json, string name, string value)
    {
        if (value.Length > 0)
        {
            json.WriteString(name, value);
        }
    }
}

/// <summary>Writes a DERP map inside another JSON body.</summary>
internal sealed class DerpMapConverter : JsonConverter<DERPMap>
{
    public override DERPMap Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
        throw new JsonException("no request holds a DERP map");

    public override void Write(Utf8JsonWriter writer, DERPMap value, JsonSerializerOptions options) => DerpMapJson.Write(writer, value);
}
