using System.Text.Json.Nodes;

namespace Testing;

/// <summary>Reads the bootstrap.json of a first start.</summary>
public static class Bootstrapped
{
    public static string SessionToken(string file) => Read(file)["session_token"]!.GetValue<string>();

    public static string AdminToken(string file) => Read(file)["admin_token"]!.GetValue<string>();

    public static Guid AgentId(string file) => Guid.Parse(Read(file)["agents"]![0]!["id"]!.GetValue<string>());

    public static string AgentToken(string file) => Read(file)["agents"]![0]!["auth_token"]!.GetValue<string>();

    private static JsonNode Read(string file) => JsonNode.Parse(File.ReadAllBytes(file))!;
}
