using System.Text;
using System.Text.Json;
using ControlPlane.Connections;
using ControlPlane.Connections.Agents;
using ControlPlane.Machine;

namespace ControlPlane.Tests.Connections.Agents;

/// <summary>Mutated JSON of an agent: it is read or refused, and what is read can be sent to a client.</summary>
public sealed class AgentJsonTests
{
    private const string List = """
        {"containers":[{"created_at":"2026-01-02T03:04:05Z","id":"0123","name":"web","image":"nginx","labels":{"a":"b"},"running":true,
        "ports":[{"port":80,"network":"tcp","host_ip":"0.0.0.0","host_port":8080}],"status":"running","volumes":{"/a":"/b"}}],
        "devcontainers":[{"id":"6f9619ff-8b86-4011-b42d-00c04fc964ff","name":"app","workspace_folder":"/app","config_path":"/c",
        "status":"running","dirty":true,"container":{"id":"0123","labels":{},"ports":[null],"volumes":null},
        "agent":{"id":"6f9619ff-8b86-4011-b42d-00c04fc964ff","name":"sub","directory":"/app"}},null],"warnings":["w",null]}
        """;

    private static readonly string[] Parts =
        ["null", "[]", "{}", "0", "-1", "1e99", "\"\"", "[null]", "{\"a\":null}", "\"\\ud800\"", "true"];

    [Fact]
    public void AMutatedListIsReadOrRefused()
    {
        var read = 0;
        for (var seed = 0; seed < 20_000; seed++)
        {
            var json = Mutate(new Random(seed));
            try
            {
                var list = AgentLists.Complete(AgentAnswer.Read(json, AgentJson.Wire.AgentContainerList));
                var text = JsonSerializer.Serialize(list, MachineJson.Wire.AgentContainers);
                Assert.DoesNotContain("\"ports\":null", text, StringComparison.Ordinal);
                Assert.DoesNotContain("\"labels\":null", text, StringComparison.Ordinal);
                read++;
            }
            catch (AgentConnectionException)
            {
                // Refused, as most are.
            }
        }

        Assert.InRange(read, 1_000, 19_000);
    }

    private static byte[] Mutate(Random random)
    {
        if (random.Next(3) > 0)
        {
            // A value becomes another one.
            var colons = Enumerable.Range(0, List.Length).Where(static at => List[at] is ':' && List[at - 1] == '"').ToArray();
            var start = colons[random.Next(colons.Length)] + 1;
            var end = start + Value(List[start..]);
            return Encoding.UTF8.GetBytes(List[..start] + Parts[random.Next(Parts.Length)] + List[end..]);
        }

        var bytes = Encoding.UTF8.GetBytes(List);
        for (var i = random.Next(1, 4); i > 0; i--)
        {
            bytes[random.Next(bytes.Length)] = (byte)random.Next(256);
        }

        return bytes;
    }

    /// <summary>The length of the value at the start of a text.</summary>
    private static int Value(string text)
    {
        var reader = new Utf8JsonReader(Encoding.UTF8.GetBytes(text), isFinalBlock: false, default);
        reader.Read();
        Assert.True(reader.TrySkip());
        return (int)reader.BytesConsumed;
    }
}
