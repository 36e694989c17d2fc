using ControlPlane.OpenApi;
using Microsoft.AspNetCore.Http;

namespace ControlPlane.Administration;

/// <summary>The operations of the administration API for its OpenAPI document, by method and path below <c>/admin/v1</c>.</summary>
internal static class AdminOperations
{
    private static readonly AdministrationJson Json = AdministrationJson.Wire;

    private static readonly ApiParameter[] Paging =
    [
        new("limit", "The maximum number of results: 1 to 1,000. Default 100.", "integer"),
        new("offset", "The number of results to skip. Default 0.", "integer"),
    ];

    public static IReadOnlyDictionary<string, ApiOperation> All { get; } = new Dictionary<string, ApiOperation>(StringComparer.Ordinal)
    {
        ["GET /openapi.json"] = Does("Returns this document") with { Response = Json.JsonElement },
        ["GET /users"] = Does("Lists users") with { Response = Json.UserList, Query = Paging },
        ["POST /users"] = Does("Creates a user") with
        { Request = Json.CreateUser, Response = Json.UserRow, Status = StatusCodes.Status201Created },
        ["GET /users/{user}"] = Does("Returns a user, by name or id") with { Response = Json.UserRow },
        ["PATCH /users/{user}"] = Does("Changes, suspends or reactivates a user") with
        { Request = Json.ChangeUser, Response = Json.UserRow },
        ["DELETE /users/{user}"] = DoesWithoutBody("Deletes a user and its tokens") with
        {
            Query =
            [
                new("with_workspaces", "Whether its workspaces are deleted too. Otherwise a user with workspaces is refused.", "boolean"),
            ],
        },
        ["GET /users/{user}/tokens"] = Does("Lists a user's tokens") with { Response = Json.TokenList, Query = Paging },
        ["POST /users/{user}/tokens"] = Does("Creates a token. Only this response contains it") with
        { Request = Json.CreateToken, Response = Json.NewToken, Status = StatusCodes.Status201Created },
        ["DELETE /users/{user}/tokens/{token}"] = DoesWithoutBody("Deletes a token"),
        ["POST /users/{user}/tokens/{token}/rotate"] = Does("Rotates a token's secret. Only this response contains the new token") with
        { Response = Json.NewToken },
        ["GET /users/{user}/external-auth"] = Does("Lists the external services for which a user has a token") with
        { Response = Json.LinkList },
        ["PUT /users/{user}/external-auth/{provider}"] = DoesWithoutBody("Stores a user's token for an external service") with
        { Request = Json.SetExternalAuth },
        ["DELETE /users/{user}/external-auth/{provider}"] = DoesWithoutBody("Deletes a user's token for an external service"),
        ["GET /external-auth/providers"] = Does("Lists the configured external services") with { Response = Json.ProviderList },
        ["GET /workspaces"] = Does("Lists workspaces") with
        { Response = Json.WorkspaceList, Query = [new("owner", "Only workspaces of this user, by name or id."), .. Paging] },
        ["POST /workspaces"] = Does("Creates a workspace") with
        { Request = Json.CreateWorkspace, Response = Json.WorkspaceRow, Status = StatusCodes.Status201Created },
        ["GET /workspaces/{workspace}"] = Does("Returns a workspace, by id or as user%2Fworkspace") with { Response = Json.WorkspaceRow },
        ["PATCH /workspaces/{workspace}"] = Does("Renames a workspace") with
        { Request = Json.RenameWorkspace, Response = Json.WorkspaceRow },
        ["DELETE /workspaces/{workspace}"] = DoesWithoutBody("Deletes a workspace and its agents"),
        ["POST /workspaces/{workspace}/prepare"] = Does("Prepares a workspace for a later claim: its agents wait for reinit") with
        { Response = Json.WorkspaceRow },
        ["POST /workspaces/{workspace}/unprepare"] = Does("Ends the wait for a claim: the workspace's agents stay as they are") with
        { Response = Json.WorkspaceRow },
        ["POST /workspaces/{workspace}/reinit"] = Does("Makes the workspace's agents restart, with a new owner if one is named") with
        { Request = Json.ReinitWorkspace, Response = Json.WorkspaceRow },
        ["GET /agents"] = Does("Lists agents") with
        { Response = Json.AgentList, Query = [new("workspace", "Only agents of this workspace, by id or as user/workspace."), .. Paging] },
        ["POST /agents"] = Does("Creates an agent. Only this response contains its token") with
        { Request = Json.CreateAgent, Response = Json.NewAgentToken, Status = StatusCodes.Status201Created },
        ["GET /agents/{agent}"] = Does("Returns an agent with its declarations, by id or as user%2Fworkspace%2Fagent") with
        { Response = Json.AgentDetails },
        ["DELETE /agents/{agent}"] = DoesWithoutBody("Deletes an agent, and closes its connection"),
        ["PUT /agents/{agent}/declarations"] = Does(
            "Replaces an agent's apps, scripts, development containers, metadata and monitored resources") with
        { Request = Json.DeclarationsBody, Response = Json.AgentDetails },
        ["POST /agents/{agent}/rotate-token"] = Does(
            "Rotates an agent's token, and closes its connection. Only this response contains the new token") with
        { Response = Json.NewAgentToken },
        ["PUT /agents/{agent}/instance"] = DoesWithoutBody("Binds an agent to a cloud instance") with { Request = Json.BindInstance },
        ["DELETE /agents/{agent}/instance"] = DoesWithoutBody("Deletes an agent's binding, and revokes the tokens issued for it"),
        ["GET /instance-bindings"] = Does("Lists the bindings of cloud instances to agents") with
        { Response = Json.BindingList, Query = Paging },
    };

    private static ApiOperation Does(string summary) => new(summary, ApiCaller.Administrator);

    private static ApiOperation DoesWithoutBody(string summary) => Does(summary) with { Status = StatusCodes.Status204NoContent };
}
