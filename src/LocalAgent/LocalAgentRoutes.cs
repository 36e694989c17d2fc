namespace LocalAgent;

/// <summary>
/// The paths and headers on the agent's socket. A path whose meaning changes gets a new version number: an agent keeps running
/// when the program that started it is upgraded.
/// </summary>
public static class LocalAgentRoutes
{
    /// <summary>Stops the agent and its shells.</summary>
    public const string Stop = "/v1/stop";

    /// <summary>The listening TCP ports of the machine, as a JSON list.</summary>
    public const string Ports = "/v1/listening-ports";

    /// <summary>The containers of the machine, as a JSON object.</summary>
    public const string Containers = "/v1/containers";

    /// <summary>Begins to recreate the devcontainer whose id is the query parameter <c>key</c>.</summary>
    public const string RecreateDevcontainer = "/v1/recreate/devcontainer";

    /// <summary>Begins to recreate the devcontainer whose container has the id or name <c>key</c>.</summary>
    public const string RecreateContainer = "/v1/recreate/container";

    /// <summary>Attaches to a terminal by a WebSocket: <c>id</c>, <c>height</c>, <c>width</c>, <c>command</c>, <c>shell</c>.</summary>
    public const string Terminal = "/v1/terminal";

    /// <summary>A header in the answer to <see cref="Terminal"/>: the id of the shell, a UUID.</summary>
    public const string ShellHeader = "Edge-Shell";

    /// <summary>A header of a refusal: its message, for clients that read no body.</summary>
    public const string RefusalHeader = "Edge-Refusal";
}
