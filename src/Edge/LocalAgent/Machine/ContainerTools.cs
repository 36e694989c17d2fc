namespace Edge.LocalAgent.Machine;

/// <summary>The programs that know of containers, by name or path.</summary>
internal sealed record ContainerTools(string Docker = "docker", string Devcontainer = "devcontainer");
