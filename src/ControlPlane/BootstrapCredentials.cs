namespace ControlPlane;

/// <summary>What the first start makes. Only hashes of the tokens are stored, so this is the one time that they are known.</summary>
/// <param name="SessionToken">The user's API key, <c>id-secret</c> (10 and 22 characters).</param>
/// <param name="Agents">The workspace agents made with it.</param>
public sealed record BootstrapCredentials(string SessionToken, IReadOnlyList<BootstrapAgent> Agents);

/// <summary>A workspace agent made at the first start.</summary>
/// <param name="Id">The agent's id, as in <c>/workspaceagents/{id}</c>.</param>
/// <param name="Name">The agent's name in its workspace.</param>
/// <param name="AuthToken">The agent's token, a UUIDv4.</param>
public sealed record BootstrapAgent(Guid Id, string Name, string AuthToken);
