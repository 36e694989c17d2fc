namespace ControlPlane.Agents;

/// <summary>The built-in apps that an agent may show.</summary>
internal static class BuiltInApps
{
    public static readonly string[] All = ["vscode", "vscode_insiders", "web_terminal", "port_forwarding_helper", "ssh_helper"];
}
