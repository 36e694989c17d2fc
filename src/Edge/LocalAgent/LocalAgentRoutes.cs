namespace Edge.LocalAgent;

/// <summary>The paths on the agent's socket. A changed meaning gets a new number, since an agent may outlive the program that started it.</summary>
internal static class LocalAgentRoutes
{
    public const string Stop = "/v1/stop";
    public const string Ports = "/v1/listening-ports";
    public const string Containers = "/v1/containers";
    public const string RecreateDevcontainer = "/v1/recreate/devcontainer";
    public const string RecreateContainer = "/v1/recreate/container";
    public const string Terminal = "/v1/terminal";

    /// <summary>In the answer to <see cref="Terminal"/>: which shell it is, a UUID.</summary>
    public const string ShellHeader = "Edge-Shell";

    /// <summary>What a refused WebSocket could not be opened for.</summary>
    public const string RefusalHeader = "Edge-Refusal";
}
