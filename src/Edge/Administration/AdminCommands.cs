using System.CommandLine;

namespace Edge.Administration;

/// <summary>The commands of <c>Edge admin</c>.</summary>
internal static class AdminCommands
{
    private static readonly HttpMethod Get = HttpMethod.Get;
    private static readonly HttpMethod Post = HttpMethod.Post;
    private static readonly HttpMethod Put = HttpMethod.Put;
    private static readonly HttpMethod Patch = HttpMethod.Patch;
    private static readonly HttpMethod Delete = HttpMethod.Delete;

    /// <param name="settings">The node's settings on the command line, such as <c>--Edge:DataDirectory=…</c>.</param>
    /// <param name="input">The input for files named <c>-</c> and for answers to questions.</param>
    public static Command Create(IReadOnlyList<string> settings, AdminInput input)
    {
        var program = new AdminProgram(settings, input);
        var admin = new Command("admin", "create and manage users, tokens, workspaces and agents of a running node")
        {
            Users(),
            Tokens(),
            Workspaces(),
            Agents(input),
            ExternalAuth(input),
            Instances(),
        };
        foreach (var command in admin.Subcommands.SelectMany(static noun => noun.Subcommands).Cast<AdminCommand>())
        {
            program.Serve(command);
        }

        program.AddOptions(admin);
        return admin;
    }

    private static Command Users() => new("user", "create, list, suspend and delete users")
    {
        new AdminCommand("create", "create a user", Post, "/users")
        {
            AdminArgument.Create("username", "letters, digits, hyphens"),
            new AdminOption("name", "the full name"),
            new AdminOption("email", "the email address"),
        },
        new AdminCommand("list", "list users", Get, "/users")
            .Shows("users", "username", "status", "name", "email", "last_seen_at", "id")
            .Paged(),
        new AdminCommand("show", "show a user", Get, "/users/{user}"),
        new AdminCommand("suspend", "suspend a user: the API refuses its tokens", Patch, "/users/{user}", status: "suspended"),
        new AdminCommand("activate", "end a user's suspension", Patch, "/users/{user}", status: "active"),
        new AdminCommand("delete", "delete a user and its tokens", Delete, "/users/{user}")
        {
            new AdminOption("with-workspaces", "delete its workspaces and their agents too", AdminValue.Flag) { InQuery = true },
        },
    };

    private static Command Tokens() => new("token", "create, list, rotate and delete users' session tokens")
    {
        new AdminCommand("create", "create a session token for a user, and print it this once", Post, "/users/{user}/tokens")
        {
            new AdminOption("lifetime", "how long it is valid, such as 720h (default: for ever)", AdminValue.Duration, "lifetime_seconds"),
        },
        new AdminCommand("list", "list a user's tokens", Get, "/users/{user}/tokens")
            .Shows("tokens", "id", "created_at", "last_used_at", "expires_at")
            .Paged(),
        new AdminCommand("rotate", "give a token another secret, and print it this once", Post, "/users/{user}/tokens/{token}/rotate"),
        new AdminCommand("delete", "delete a token", Delete, "/users/{user}/tokens/{token}"),
    };

    private static Command Workspaces() => new("workspace", "create, list, rename, hand over and delete workspaces")
    {
        new AdminCommand("create", "create a workspace", Post, "/workspaces")
        {
            AdminArgument.Create("owner", "a user's name or id"),
            AdminArgument.Create("name", "letters, digits, hyphens"),
        },
        new AdminCommand("list", "list workspaces", Get, "/workspaces")
        {
            new AdminOption("owner", "only those of this user") { InQuery = true },
        }
            .Shows("workspaces", "owner", "name", "agents", "claim", "created_at", "id")
            .Paged(),
        new AdminCommand("show", "show a workspace", Get, "/workspaces/{workspace}"),
        new AdminCommand("rename", "rename a workspace", Patch, "/workspaces/{workspace}")
        {
            AdminArgument.Create("name", "the new name"),
        },
        new AdminCommand(
            "prepare", "prepare a workspace for a later owner: its agents wait for one", Post, "/workspaces/{workspace}/prepare"),
        new AdminCommand("unprepare", "undo that: its agents stop waiting for an owner", Post, "/workspaces/{workspace}/unprepare"),
        new AdminCommand("reinit", "tell a workspace's agents to reinitialize", Post, "/workspaces/{workspace}/reinit")
        {
            new AdminOption("owner", "make this user the workspace's owner first"),
        },
        new AdminCommand("delete", "delete a workspace and its agents", Delete, "/workspaces/{workspace}"),
    };

    private static Command Agents(AdminInput input) => new("agent", "create, list, declare and delete agents")
    {
        new AdminCommand("create", "create an agent, and print its token this once", Post, "/agents")
        {
            AdminArgument.Create("workspace"),
            AdminArgument.Create("name", "letters, digits, hyphens"),
            new AdminOption("architecture", "such as amd64"),
            new AdminOption("operating-system", "such as linux"),
            new AdminOption("directory", "where its shells start"),
            new AdminOption("env", "an environment variable of its processes; may be repeated", AdminValue.Pairs, "environment_variables"),
            new AdminOption(
                "connection-timeout",
                "without a connection for this long it counts as timed out (default: 120s)",
                AdminValue.Duration,
                "connection_timeout_seconds"),
            AdminOption.Body("a JSON file with these, and apps, scripts, devcontainers, metadata, resources", input),
        },
        new AdminCommand("list", "list agents", Get, "/agents")
        {
            new AdminOption("workspace", "only those of this workspace") { InQuery = true },
        }
            .Shows("agents", "owner", "workspace", "name", "status", "lifecycle_state", "version", "last_connected_at", "id")
            .Paged(),
        new AdminCommand("show", "show an agent and its declarations", Get, "/agents/{agent}"),
        new AdminCommand(
            "declare", "replace an agent's apps, scripts, devcontainers, metadata and resources", Put, "/agents/{agent}/declarations")
        {
            AdminOption.Body("a JSON file with apps, scripts, devcontainers, metadata, resources", input, required: true),
        },
        new AdminCommand(
            "rotate-token", "rotate an agent's token, print it this once, and close its connection", Post, "/agents/{agent}/rotate-token"),
        new AdminCommand("delete", "delete an agent, and close its connection", Delete, "/agents/{agent}"),
    };

    private static Command ExternalAuth(AdminInput input) => new("external-auth", "manage users' tokens for other services, such as GitHub")
    {
        new AdminCommand("providers", "list the configured services", Get, "/external-auth/providers")
            .Shows("providers", "id", "type", "display_name", "shared", "pattern", "link_url"),
        new AdminCommand("list", "list the services that a user has a token for", Get, "/users/{user}/external-auth")
            .Shows("links", "provider_id", "updated_at", "expires_at"),
        new AdminCommand("set", "store a user's token for a service", Put, "/users/{user}/external-auth/{provider}")
        {
            new AdminOption("access-token-file", "a file with the token; - is standard input", AdminValue.SecretFile(input), "access_token")
            {
                Required = true,
            },
            new AdminOption("expires-at", "when the token expires, such as 2030-01-31T00:00:00Z"),
        },
        new AdminCommand("remove", "remove a user's token for a service", Delete, "/users/{user}/external-auth/{provider}"),
    };

    private static Command Instances() => new("instance", "manage which cloud instances may authenticate as which agents")
    {
        new AdminCommand("bind", "let a cloud instance authenticate as an agent", Put, "/agents/{agent}/instance")
        {
            AdminArgument.Create("cloud", "aws, azure or google"),
            AdminArgument.Create("instance-id", "the instance's id in that cloud"),
        },
        new AdminCommand("list", "list instances and their agents", Get, "/instance-bindings")
            .Shows("bindings", "cloud", "instance_id", "agent_id", "created_at")
            .Paged(),
        new AdminCommand("unbind", "remove an agent's instance, and revoke the tokens issued to it", Delete, "/agents/{agent}/instance"),
    };
}
