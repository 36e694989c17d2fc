using System.Text.Json.Nodes;
using ControlPlane.Coordination;

namespace ControlPlane.OpenApi;

/// <summary>The JSON schemas of a DERP map. <see cref="DerpMapJson"/> writes it without the serializer, with Go's field names.</summary>
internal static class DerpMapSchema
{
    public const string Name = "DERPMap";

    public static void AddTo(IDictionary<string, JsonNode> schemas)
    {
        schemas[Name] = Object(
            "The relays that agents and clients may use (tailnet.md §4.2).",
            ["Regions"],
            ("HomeParams", Reference("DERPHomeParams"), "Parameters for the choice of the home region. Omitted when none is set."),
            ("Regions", Map(Reference("DERPRegion")), "The regions, by their numbers."));
        schemas["DERPHomeParams"] = Object(
            "Parameters for the choice of the home region.",
            [],
            ("RegionScore", Map(Type("number")), "Factors of the regions' measured latencies, by the region's number."));
        schemas["DERPRegion"] = Object(
            "A region: relays that are near each other.",
            ["EmbeddedRelay", "RegionID", "RegionCode", "RegionName", "Nodes"],
            (
                "EmbeddedRelay",
                Type("boolean"),
                "Whether this is the server's own relay. Clients replace its host name with the address that they dialled."),
            ("RegionID", Type("integer"), "The region's number."),
            ("RegionCode", Type("string"), "The region's short name."),
            ("RegionName", Type("string"), "The region's name for people."),
            ("Avoid", Type("boolean"), "Whether clients avoid the region as their home. Omitted when false."),
            ("Nodes", List(Reference("DERPNode")), "The region's relays and STUN servers. Clients use the first that responds."));
        schemas["DERPNode"] = Object(
            "A relay, a STUN server, or both.",
            ["Name", "RegionID", "HostName"],
            ("Name", Type("string"), "The node's name, unique in the map."),
            ("RegionID", Type("integer"), "The number of the node's region."),
            ("HostName", Type("string"), "The node's host name or address."),
            ("CertName", Type("string"), "The name in the node's certificate. Omitted when it is the host name."),
            ("IPv4", Type("string"), "The node's IPv4 address, or none for a node without IPv4. Omitted: clients resolve the host name."),
            ("IPv6", Type("string"), "The node's IPv6 address, or none for a node without IPv6. Omitted: clients resolve the host name."),
            ("STUNPort", Type("integer"), "The UDP port of STUN. Omitted: 3478. -1: no STUN."),
            ("STUNOnly", Type("boolean"), "Whether the node has STUN but no relay. Omitted when false."),
            ("DERPPort", Type("integer"), "The TCP port of DERP. Omitted: 443."),
            ("InsecureForTests", Type("boolean"), "Whether clients skip the verification of the certificate. Omitted when false."),
            ("ForceHTTP", Type("boolean"), "Whether DERP runs without TLS. Omitted when false."),
            ("STUNTestIP", Type("string"), "The address of the STUN server in tests. Omitted when none is set."),
            ("CanPort80", Type("boolean"), "Whether clients can detect captive portals by port 80. Omitted when false."));
    }

    private static JsonObject Type(string type) => new() { ["type"] = type };

    private static JsonObject Map(JsonObject values) => new() { ["type"] = "object", ["additionalProperties"] = values };

    private static JsonObject List(JsonObject entries) => new() { ["type"] = "array", ["items"] = entries };

    private static JsonObject Reference(string name) => new() { ["$ref"] = $"#/components/schemas/{name}" };

    private static JsonObject Object(
        string description, string[] required, params (string Name, JsonObject Schema, string Description)[] properties)
    {
        var members = new JsonObject();
        foreach (var (name, schema, text) in properties)
        {
            schema["description"] = text;
            members[name] = schema;
        }

        var whole = new JsonObject { ["type"] = "object", ["description"] = description, ["properties"] = members };
        if (required.Length > 0)
        {
            whole["required"] = new JsonArray([.. required.Select(static name => (JsonNode)name)]);
        }

        return whole;
    }
}
