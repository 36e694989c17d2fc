using System.Globalization;
using System.Text.Json;
using Tailnet.Messages;
using Node = Tailnet.Messages.DERPMap.Types.Region.Types.Node;
using Region = Tailnet.Messages.DERPMap.Types.Region;

namespace ControlPlane.Coordination;

/// <summary>
/// Reads a DERP map from JSON with Go's field names (tailnet.md §4.2). Names match without regard to case, and unknown fields are ignored.
/// Bad input never throws; the first fault is reported.
/// </summary>
internal sealed class DerpMapReader
{
    private const int MaxRegions = 1024;
    private const int MaxNodes = 256;
    private const int MaxTextCharacters = 1024;

    private static readonly JsonDocumentOptions Json = new() { MaxDepth = 16 };

    private string? _fault;

    private DerpMapReader()
    {
    }

    /// <summary>Reads the map. For an invalid one the result is null, and the fault a clause for the operator.</summary>
    public static DERPMap? Read(ReadOnlyMemory<byte> json, out string? fault)
    {
        try
        {
            using var document = JsonDocument.Parse(json, Json);
            var reader = new DerpMapReader();
            var map = reader.ReadMap(document.RootElement);
            fault = reader._fault;
            return fault is null ? map : null;
        }
        catch (JsonException exception)
        {
            var (line, position) = (exception.LineNumber + 1, exception.BytePositionInLine);
            fault = FormattableString.Invariant($"the JSON is invalid (line {line}, byte {position})");
            return null;
        }
        catch (InvalidOperationException)
        {
            fault = "a JSON string contains an unpaired surrogate";
            return null;
        }
    }

    private DERPMap ReadMap(JsonElement json)
    {
        var map = new DERPMap();
        if (Object(json, "HomeParams", "the map") is { } home)
        {
            map.HomeParams = new DERPMap.Types.HomeParams();
            foreach (var score in Object(home, "RegionScore", "HomeParams")?.EnumerateObject() ?? default)
            {
                if (Id(score.Name, "RegionScore") is { } id
                    && score.Value.ValueKind == JsonValueKind.Number
                    && score.Value.TryGetDouble(out var value))
                {
                    map.HomeParams.RegionScore[id] = value;
                }
                else
                {
                    Fail("RegionScore must be an object of numbers by region id");
                }
            }
        }

        if (Object(json, "Regions", "the map") is not { } regions)
        {
            Fail("Regions is missing");
            return map;
        }

        foreach (var property in regions.EnumerateObject())
        {
            // In Go's maps, null marks a region that was removed.
            if (property.Value.ValueKind != JsonValueKind.Null && Id(property.Name, "Regions") is { } id)
            {
                map.Regions[id] = ReadRegion(property.Value, id);
            }
        }

        if (map.Regions.Count > MaxRegions)
        {
            Fail(FormattableString.Invariant($"Regions must have at most {MaxRegions} regions"));
        }

        return map;
    }

    private Region ReadRegion(JsonElement json, long id)
    {
        var where = FormattableString.Invariant($"region {id}");
        var region = new Region
        {
            RegionId = Number(json, "RegionID", where, id, id, id),
            EmbeddedRelay = Flag(json, "EmbeddedRelay", where),
            RegionCode = Text(json, "RegionCode", where),
            RegionName = Text(json, "RegionName", where),
            Avoid = Flag(json, "Avoid", where),
        };
        if (Find(json, "Nodes", where) is not { } nodes)
        {
            return region;
        }

        if (nodes.ValueKind != JsonValueKind.Array || nodes.GetArrayLength() > MaxNodes)
        {
            Fail(FormattableString.Invariant($"Nodes of {where} must be an array of at most {MaxNodes} nodes"));
            return region;
        }

        foreach (var node in nodes.EnumerateArray())
        {
            region.Nodes.Add(ReadNode(node, id, where));
        }

        return region;
    }

    private Node ReadNode(JsonElement json, long regionId, string region)
    {
        var where = "a node of " + region;
        var node = new Node
        {
            Name = Text(json, "Name", where),
            RegionId = Number(json, "RegionID", where, regionId, regionId, regionId),
            HostName = Text(json, "HostName", where),
            CertName = Text(json, "CertName", where),
            Ipv4 = Text(json, "IPv4", where),
            Ipv6 = Text(json, "IPv6", where),
            StunPort = (int)Number(json, "STUNPort", where, 0, -1, ushort.MaxValue),
            StunOnly = Flag(json, "STUNOnly", where),
            DerpPort = (int)Number(json, "DERPPort", where, 0, 0, ushort.MaxValue),
            InsecureForTests = Flag(json, "InsecureForTests", where),
            ForceHttp = Flag(json, "ForceHTTP", where),
            StunTestIp = Text(json, "STUNTestIP", where),
            CanPort80 = Flag(json, "CanPort80", where),
        };
        if (node.Name.Length == 0 || node.HostName.Length == 0)
        {
            Fail($"{where} must have a Name and a HostName");
        }

        return node;
    }

    private long? Id(string text, string where)
    {
        if (int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var id) && id > 0)
        {
            return id;
        }

        Fail($"the keys of {where} must be region ids: whole numbers from 1");
        return null;
    }

    private JsonElement? Object(JsonElement json, string name, string where)
    {
        if (Find(json, name, where) is not { } value)
        {
            return null;
        }

        if (value.ValueKind == JsonValueKind.Object)
        {
            return value;
        }

        Fail($"{name} of {where} must be an object");
        return null;
    }

    private string Text(JsonElement json, string name, string where)
    {
        if (Find(json, name, where) is not { } value)
        {
            return "";
        }

        if (value.ValueKind == JsonValueKind.String && value.GetString() is { Length: <= MaxTextCharacters } text)
        {
            return text;
        }

        Fail(FormattableString.Invariant($"{name} of {where} must be a string of at most {MaxTextCharacters} characters"));
        return "";
    }

    private bool Flag(JsonElement json, string name, string where)
    {
        var kind = Find(json, name, where)?.ValueKind ?? JsonValueKind.False;
        if (kind is not (JsonValueKind.True or JsonValueKind.False))
        {
            Fail($"{name} of {where} must be true or false");
        }

        return kind == JsonValueKind.True;
    }

    private long Number(JsonElement json, string name, string where, long defaultValue, long min, long max)
    {
        if (Find(json, name, where) is not { } value)
        {
            return defaultValue;
        }

        if (value.ValueKind == JsonValueKind.Number && value.TryGetInt64(out var number) && number >= min && number <= max)
        {
            return number;
        }

        Fail(FormattableString.Invariant($"{name} of {where} must be a whole number from {min} to {max}"));
        return defaultValue;
    }

    /// <summary>The property, or null when it is missing or null.</summary>
    private JsonElement? Find(JsonElement json, string name, string where)
    {
        if (json.ValueKind != JsonValueKind.Object)
        {
            Fail($"{where} must be an object");
            return null;
        }

        JsonElement? found = null;
        foreach (var property in json.EnumerateObject())
        {
            if (property.Name.Equals(name, StringComparison.OrdinalIgnoreCase))
            {
                found = property.Value.ValueKind == JsonValueKind.Null ? null : property.Value;
            }
        }

        return found;
    }

    private void Fail(string fault) => _fault ??= fault;
}
