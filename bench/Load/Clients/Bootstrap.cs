using System.Text.Json;

namespace Load.Clients;

/// <summary>What a node's first start has written.</summary>
internal sealed record Bootstrap(string SessionToken, string AgentPath)
{
    public const string Header = "Coder-Session-Token";

    public static Bootstrap Read(string dataDirectory)
    {
        using var document = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(dataDirectory, "bootstrap.json")));
        var root = document.RootElement;
        return new Bootstrap(
            root.GetProperty("session_token").GetString()!,
            $"/api/v2/workspaceagents/{root.GetProperty("agents")[0].GetProperty("id").GetString()}");
    }
}
