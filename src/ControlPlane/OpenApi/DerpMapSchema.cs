using System.Text.Json.Nodes;
using ControlPlane.Coordination;

namespace ControlPlane.OpenApi;

/// <summary>The JSON schemas of a DERP map, which <see cref="DerpMapJson"/> writes by hand with the names of Go's fields.</summary>
internal static class DerpMapSchema
{
    public const string Name = "DERPMap";

    public static void AddTo(IDictionary<string, JsonNode> schemas)
    {
        schemas[Name] = Object(
            "Which relays there are (tailnet.md §4.2).",
            ["Regions"],
            ("HomeParams", Reference("DERPHomeParams"), "How a client chooses the region of its home; left out when nothing is set."),
            ("Regions", Map(Reference("DERPRegion")), "The regions, by their numbers."));
        schemas["DERPHomeParams"] = Object(
            "How a client chooses the region of its home.",
            [],
            ("RegionScore", Map(Type("number")), "What a region's measured latency is multiplied with, by the region's number."));
        schemas["DERPRegion"] = Object(
            "Relays that are near each other.",
            ["EmbeddedRelay", "RegionID", "RegionCode", "RegionName", "Nodes"],
            ("EmbeddedRelay", Type("boolean"), "Whether it is this server's relay: clients put the address that they dialled in its place."),
            ("RegionID", Type("integer"), "Its number."),
            ("RegionCode", Type("string"), "Its short name."),
            ("RegionName", Type("string"), "What people call it."),
            ("Avoid", Type("boolean"), "Whether clients do not choose it as their home; left out when false."),
            ("Nodes", List(Reference("DERPNode")), "Its relays and STUN servers; the first that answers is taken."));
        schemas["DERPNode"] = Object(
            "A relay, a STUN server, or both.",
            ["Name", "RegionID", "HostName"],
            ("Name", Type("string"), "Its name, one of a kind in the map."),
            ("RegionID", Type("integer"), "The number of its region."),
            ("HostName", Type("string"), "Its host name or address."),
            ("CertName", Type("string"), "The name that its certificate is for; left out when that is the host name."),
            ("IPv4", Type("string"), "Its IPv4 address, or none for a node without; left out when the host name is resolved."),
            ("IPv6", Type("string"), "Its IPv6 address, or none for a node without; left out when the host name is resolved."),
            ("STUNPort", Type("integer"), "The UDP port of STUN; left out: 3478; -1: no STUN."),
            ("STUNOnly", Type("boolean"), "Whether it is no relay; left out when false."),
            ("DERPPort", Type("integer"), "The TCP port of DERP; left out: 443."),
            ("InsecureForTests", Type("boolean"), "Whether its certificate is not verified; left out when false."),
            ("ForceHTTP", Type("boolean"), "Whether DERP is spoken without TLS; left out when false."),
            ("STUNTestIP", Type("string"), "The address that STUN is asked at in tests; left out when none is set."),
            ("CanPort80", Type("boolean"), "Whether captive portals can be found by its port 80; left out when false."));
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
