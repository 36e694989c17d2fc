using System.Globalization;
using System.Text.Json;

namespace LocalAgent.Machine;

/// <summary>Reads the output of <c>docker inspect</c> for containers.</summary>
internal static class DockerJson
{
    /// <summary>The containers, and a warning for each element that could not be read.</summary>
    /// <exception cref="JsonException">The text is no JSON list.</exception>
    public static (List<AgentContainer> Containers, List<string> Warnings) Read(ReadOnlyMemory<byte> json)
    {
        var containers = new List<AgentContainer>();
        var warnings = new List<string>();
        using var document = JsonDocument.Parse(json);
        if (document.RootElement.ValueKind != JsonValueKind.Array)
        {
            throw new JsonException("docker inspect printed no list");
        }

        foreach (var element in document.RootElement.EnumerateArray())
        {
            try
            {
                containers.Add(ReadOne(element));
            }
            catch (Exception exception) when (exception is InvalidOperationException or KeyNotFoundException or FormatException)
            {
                warnings.Add($"A container could not be read: {exception.Message}");
            }
        }

        return (containers, warnings);
    }

    private static AgentContainer ReadOne(JsonElement container)
    {
        var state = container.GetProperty("State");
        var config = container.GetProperty("Config");
        return new AgentContainer(
            container.GetProperty("Created").GetDateTimeOffset(),
            container.GetProperty("Id").GetString()!,
            container.GetProperty("Name").GetString()!.TrimStart('/'),
            config.GetProperty("Image").GetString()!,
            Members(config, "Labels").ToDictionary(static label => label.Name, static label => label.Value.GetString() ?? ""),
            state.GetProperty("Running").GetBoolean(),
            [.. Members(container.GetProperty("NetworkSettings"), "Ports").SelectMany(Ports)],
            state.GetProperty("Status").GetString()!,
            Items(container, "Mounts")
                .Where(static mount => mount.TryGetProperty("Destination", out _) && mount.TryGetProperty("Source", out _))
                .GroupBy(static mount => mount.GetProperty("Destination").GetString()!)
                .ToDictionary(static mounts => mounts.Key, static mounts => mounts.First().GetProperty("Source").GetString()!));
    }

    // "8080/tcp": null, or [{"HostIp": "0.0.0.0", "HostPort": "80"}, {"HostIp": "::", …}]
    private static IEnumerable<ContainerPort> Ports(JsonProperty port)
    {
        var parts = port.Name.Split('/');
        var inside = int.Parse(parts[0], NumberStyles.None, CultureInfo.InvariantCulture);
        var network = parts.Length > 1 ? parts[1] : "tcp";
        if (port.Value.ValueKind != JsonValueKind.Array || port.Value.GetArrayLength() == 0)
        {
            return [new ContainerPort(inside, network)];
        }

        // Docker binds an IPv4 and an IPv6 address to the same port; the list has the port once.
        return port.Value.EnumerateArray()
            .Select(binding => new ContainerPort(
                inside,
                network,
                binding.GetProperty("HostIp").GetString(),
                int.TryParse(
                    binding.GetProperty("HostPort").GetString(), NumberStyles.None, CultureInfo.InvariantCulture, out var outside)
                    ? outside
                    : null))
            .DistinctBy(static bound => bound.HostPort);
    }

    private static JsonElement.ObjectEnumerator Members(JsonElement parent, string name) =>
        parent.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.Object ? value.EnumerateObject() : default;

    private static JsonElement.ArrayEnumerator Items(JsonElement parent, string name) =>
        parent.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.Array ? value.EnumerateArray() : default;
}
