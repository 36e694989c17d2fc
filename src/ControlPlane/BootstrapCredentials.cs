namespace ControlPlane;

/// <summary>The tokens that the first start creates. The database stores only their hashes, so they cannot be read again.</summary>
/// <param name="SessionToken">The user's API key, <c>id-secret</c> (10 and 22 characters).</param>
/// <param name="Agents">The workspace agents that the first start creates.</param>
public sealed record BootstrapCredentials(string SessionToken, IReadOnlyList<BootstrapAgent> Agents);

/// <summary>A workspace agent that the first start creates.</summary>
/// <param name="Id">The agent's id, as in <c>/workspaceagents/{id}</c>.</param>
/// <param name="Name">The agent's name in its workspace.</param>
/// <param name="AuthToken">The agent's token, a UUIDv4.</param>
public sealed record BootstrapAgent(Guid Id, string Name, string AuthToken);
