namespace Edge.Administration;

/// <summary>Every command of <c>Edge admin</c>.</summary>
internal static class AdminCommands
{
    private static readonly AdminValue User = new("user", "a user's name or id");
    private static readonly AdminValue Workspace = new("workspace", "a workspace's id, or user/workspace");
    private static readonly AdminValue Agent = new("agent", "an agent's id, or user/workspace/agent");
    private static readonly AdminValue Token = new("token", "a token's id: what stands before its hyphen");
    private static readonly AdminValue Provider = new("provider", "a provider's id");

    private static readonly AdminValue[] Paging =
    [
        new("limit", "how many at most, 1 to 1000 (default 1000)", ValueKind.Number) { InQuery = true },
        new("offset", "how many to leave out before them", ValueKind.Number) { InQuery = true },
    ];

    public static IReadOnlyList<AdminCommand> All { get; } =
    [
        new("user", "create", "make a user", HttpMethod.Post, "/users")
        {
            Arguments = [new("username", "letters, digits, hyphens")],
            Options = [new("name", "the full name"), new("email", "the address")],
        },
        new("user", "list", "list users", HttpMethod.Get, "/users")
        {
            Options = Paging,
            List = ("users", ["username", "status", "name", "email", "last_seen_at", "id"]),
        },
        new("user", "show", "show a user", HttpMethod.Get, "/users/{user}") { Arguments = [User] },
        new("user", "suspend", "let a user in no more", HttpMethod.Patch, "/users/{user}") { Arguments = [User], Fixed = [("status", "suspended")] },
        new("user", "activate", "let a suspended user in again", HttpMethod.Patch, "/users/{user}") { Arguments = [User], Fixed = [("status", "active")] },
        new("user", "delete", "delete a user and its tokens", HttpMethod.Delete, "/users/{user}")
        {
            Arguments = [User],
            Options = [new("with-workspaces", "delete its workspaces and their agents too", ValueKind.Flag) { InQuery = true }],
        },
        new("token", "create", "make a session token for a user, and print it this once", HttpMethod.Post, "/users/{user}/tokens")
        {
            Arguments = [User],
            Options = [new("lifetime", "how long it is good, such as 720h (default: until deleted)", ValueKind.Duration) { Property = "lifetime_seconds" }],
        },
        new("token", "list", "list a user's tokens", HttpMethod.Get, "/users/{user}/tokens")
        {
            Arguments = [User],
            Options = Paging,
            List = ("tokens", ["id", "created_at", "last_used_at", "expires_at"]),
        },
        new("token", "rotate", "give a token another secret, and print it this once", HttpMethod.Post, "/users/{user}/tokens/{token}/rotate") { Arguments = [User, Token] },
        new("token", "delete", "delete a token", HttpMethod.Delete, "/users/{user}/tokens/{token}") { Arguments = [User, Token] },
        new("workspace", "create", "make a workspace", HttpMethod.Post, "/workspaces")
        {
            Arguments = [new("owner", "a user's name or id"), new("name", "letters, digits, hyphens")],
        },
        new("workspace", "list", "list workspaces", HttpMethod.Get, "/workspaces")
        {
            Options = [new("owner", "those of this user alone") { InQuery = true }, .. Paging],
            List = ("workspaces", ["owner", "name", "agents", "claim", "created_at", "id"]),
        },
        new("workspace", "show", "show a workspace", HttpMethod.Get, "/workspaces/{workspace}") { Arguments = [Workspace] },
        new("workspace", "rename", "rename a workspace", HttpMethod.Patch, "/workspaces/{workspace}") { Arguments = [Workspace, new("name", "the new name")] },
        new("workspace", "prepare", "let its agents wait for whom it will be given to", HttpMethod.Post, "/workspaces/{workspace}/prepare") { Arguments = [Workspace] },
        new("workspace", "unprepare", "let its agents wait no longer", HttpMethod.Post, "/workspaces/{workspace}/unprepare") { Arguments = [Workspace] },
        new("workspace", "reinit", "tell its agents to begin anew", HttpMethod.Post, "/workspaces/{workspace}/reinit")
        {
            Arguments = [Workspace],
            Options = [new("owner", "give it to this user")],
        },
        new("workspace", "delete", "delete a workspace and its agents", HttpMethod.Delete, "/workspaces/{workspace}") { Arguments = [Workspace] },
        new("agent", "create", "make an agent, and print its token this once", HttpMethod.Post, "/agents")
        {
            Arguments = [Workspace, new("name", "letters, digits, hyphens")],
            Options =
            [
                new("architecture", "such as amd64"),
                new("operating-system", "such as linux"),
                new("directory", "where its shells start"),
                new("env", "NAME=VALUE for its processes; may come again", ValueKind.Pairs) { Property = "environment_variables" },
                new("connection-timeout", "after how long without a connection it counts as timed out (default 120s)", ValueKind.Duration) { Property = "connection_timeout_seconds" },
                new("file", "a JSON file with these and with apps, scripts, devcontainers, metadata, resources", ValueKind.BodyFile),
            ],
        },
        new("agent", "list", "list agents", HttpMethod.Get, "/agents")
        {
            Options = [new("workspace", "those of this workspace alone") { InQuery = true }, .. Paging],
            List = ("agents", ["owner", "workspace", "name", "status", "lifecycle_state", "version", "last_connected_at", "id"]),
        },
        new("agent", "show", "show an agent and what it has", HttpMethod.Get, "/agents/{agent}") { Arguments = [Agent] },
        new("agent", "declare", "replace its apps, scripts, development containers, metadata and watched resources", HttpMethod.Put, "/agents/{agent}/declarations")
        {
            Arguments = [Agent],
            Options = [new("file", "a JSON file with apps, scripts, devcontainers, metadata, resources", ValueKind.BodyFile) { Required = true }],
        },
        new("agent", "rotate-token", "give it another token, print it this once, and end its connection", HttpMethod.Post, "/agents/{agent}/rotate-token") { Arguments = [Agent] },
        new("agent", "delete", "delete an agent, and end its connection", HttpMethod.Delete, "/agents/{agent}") { Arguments = [Agent] },
        new("external-auth", "providers", "list the configured services", HttpMethod.Get, "/external-auth/providers")
        {
            List = ("providers", ["id", "type", "display_name", "shared", "pattern", "link_url"]),
        },
        new("external-auth", "list", "list for which services a user has a token", HttpMethod.Get, "/users/{user}/external-auth")
        {
            Arguments = [User],
            List = ("links", ["provider_id", "updated_at", "expires_at"]),
        },
        new("external-auth", "set", "store a user's token for a service", HttpMethod.Put, "/users/{user}/external-auth/{provider}")
        {
            Arguments = [User, Provider],
            Options =
            [
                new("access-token-file", "a file with the token; - is the input", ValueKind.SecretFile) { Property = "access_token", Required = true },
                new("expires-at", "from when on it counts as not there, such as 2030-01-31T00:00:00Z"),
            ],
        },
        new("external-auth", "remove", "remove a user's token for a service", HttpMethod.Delete, "/users/{user}/external-auth/{provider}") { Arguments = [User, Provider] },
        new("instance", "bind", "let a cloud's instance stand for an agent", HttpMethod.Put, "/agents/{agent}/instance")
        {
            Arguments = [Agent, new("cloud", "aws, azure or google"), new("instance-id", "the cloud's id of it")],
        },
        new("instance", "list", "list which instances stand for which agents", HttpMethod.Get, "/instance-bindings")
        {
            Options = Paging,
            List = ("bindings", ["cloud", "instance_id", "agent_id", "created_at"]),
        },
        new("instance", "unbind", "let an instance stand for an agent no longer, and end the tokens given for it", HttpMethod.Delete, "/agents/{agent}/instance") { Arguments = [Agent] },
    ];
}
