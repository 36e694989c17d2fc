using ControlPlane.OpenApi;
using Microsoft.AspNetCore.Http;

namespace ControlPlane.Administration;

/// <summary>What each method of the administration's routes does, by method and path below <c>/admin/v1</c>.</summary>
internal static class AdminOperations
{
    private static readonly AdministrationJson Json = AdministrationJson.Wire;

    private static readonly ApiParameter[] Paging =
    [
        new("limit", "How many at most: 1 to 1,000, 100 by default.", "integer"),
        new("offset", "How many to leave out before them.", "integer"),
    ];

    public static IReadOnlyDictionary<string, ApiOperation> All { get; } = new Dictionary<string, ApiOperation>(StringComparer.Ordinal)
    {
        ["GET /openapi.json"] = Does("This document") with { Response = Json.JsonElement },
        ["GET /users"] = Does("Lists users") with { Response = Json.UserList, Query = Paging },
        ["POST /users"] = Does("Makes a user") with { Request = Json.CreateUser, Response = Json.UserRow, Status = StatusCodes.Status201Created },
        ["GET /users/{user}"] = Does("A user, by name or id") with { Response = Json.UserRow },
        ["PATCH /users/{user}"] = Does("Changes, suspends or reactivates a user") with { Request = Json.ChangeUser, Response = Json.UserRow },
        ["DELETE /users/{user}"] = Deletes("Deletes a user and its tokens") with
        { Query = [new("with_workspaces", "Its workspaces too; otherwise a user who has some is 409.", "boolean")] },
        ["GET /users/{user}/tokens"] = Does("Lists a user's tokens") with { Response = Json.TokenList, Query = Paging },
        ["POST /users/{user}/tokens"] = Does("Makes a token, and tells it this once") with
        { Request = Json.CreateToken, Response = Json.NewToken, Status = StatusCodes.Status201Created },
        ["DELETE /users/{user}/tokens/{token}"] = Deletes("Deletes a token"),
        ["POST /users/{user}/tokens/{token}/rotate"] = Does("Gives a token another secret, and tells it this once") with { Response = Json.NewToken },
        ["GET /users/{user}/external-auth"] = Does("Lists for which services a user has a token") with { Response = Json.LinkList },
        ["PUT /users/{user}/external-auth/{provider}"] = Deletes("Stores a user's token for another service") with { Request = Json.SetExternalAuth },
        ["DELETE /users/{user}/external-auth/{provider}"] = Deletes("Removes a user's token for another service"),
        ["GET /external-auth/providers"] = Does("Lists the configured services") with { Response = Json.ProviderList },
        ["GET /workspaces"] = Does("Lists workspaces") with
        { Response = Json.WorkspaceList, Query = [new("owner", "Those of this user alone, by name or id."), .. Paging] },
        ["POST /workspaces"] = Does("Makes a workspace") with
        { Request = Json.CreateWorkspace, Response = Json.WorkspaceRow, Status = StatusCodes.Status201Created },
        ["GET /workspaces/{workspace}"] = Does("A workspace, by id or as user%2Fworkspace") with { Response = Json.WorkspaceRow },
        ["PATCH /workspaces/{workspace}"] = Does("Renames a workspace") with { Request = Json.RenameWorkspace, Response = Json.WorkspaceRow },
        ["DELETE /workspaces/{workspace}"] = Deletes("Deletes a workspace and its agents"),
        ["POST /workspaces/{workspace}/prepare"] = Does("The workspace's agents wait for whom it will be given to") with { Response = Json.WorkspaceRow },
        ["POST /workspaces/{workspace}/unprepare"] = Does("The workspace's agents wait no longer") with { Response = Json.WorkspaceRow },
        ["POST /workspaces/{workspace}/reinit"] = Does("Tells the workspace's agents to begin anew, as another user's if one is named") with
        { Request = Json.ReinitWorkspace, Response = Json.WorkspaceRow },
        ["GET /agents"] = Does("Lists agents") with
        { Response = Json.AgentList, Query = [new("workspace", "Those of this workspace alone, by id or as user/workspace."), .. Paging] },
        ["POST /agents"] = Does("Makes an agent, and tells its token this once") with
        { Request = Json.CreateAgent, Response = Json.NewAgentToken, Status = StatusCodes.Status201Created },
        ["GET /agents/{agent}"] = Does("An agent with what it has, by id or as user%2Fworkspace%2Fagent") with { Response = Json.AgentDetails },
        ["DELETE /agents/{agent}"] = Deletes("Deletes an agent, and ends its connection"),
        ["PUT /agents/{agent}/declarations"] = Does("Replaces an agent's apps, scripts, development containers, metadata and watched resources") with
        { Request = Json.DeclarationsBody, Response = Json.AgentDetails },
        ["POST /agents/{agent}/rotate-token"] = Does("Gives an agent another token, tells it this once, and ends the agent's connection") with
        { Response = Json.NewAgentToken },
        ["PUT /agents/{agent}/instance"] = Deletes("Binds an agent to a cloud's instance") with { Request = Json.BindInstance },
        ["DELETE /agents/{agent}/instance"] = Deletes("Ends an agent's binding, and the tokens given for it"),
        ["GET /instance-bindings"] = Does("Lists which instances stand for which agents") with { Response = Json.BindingList, Query = Paging },
    };

    private static ApiOperation Does(string summary) => new(summary, ApiCaller.Administrator);

    private static ApiOperation Deletes(string summary) => Does(summary) with { Status = StatusCodes.Status204NoContent };
}
