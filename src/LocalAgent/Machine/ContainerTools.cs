namespace LocalAgent.Machine;

/// <summary>The command-line programs for containers, each a name on the <c>PATH</c> or a path.</summary>
internal sealed record ContainerTools(string Docker = "docker", string Devcontainer = "devcontainer");
