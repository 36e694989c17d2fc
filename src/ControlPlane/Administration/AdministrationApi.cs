using System.Globalization;
using System.Text.Json.Serialization.Metadata;
using ControlPlane.Http;
using ControlPlane.OpenApi;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;

namespace ControlPlane.Administration;

/// <summary>
/// The administration API over HTTP, below <c>/admin/v1</c>. The host that maps it authorizes the requests: every request that arrives here
/// may do everything.
/// </summary>
public static class AdministrationApi
{
    /// <summary>The prefix of every path.</summary>
    public const string Root = "/admin/v1";

    private static readonly AdministrationJson Json = AdministrationJson.Wire;
    private static readonly ApiDescription Description = new(Root, "Edge administration", AdminOperations.All, AdminEnumValues.All);

    private delegate Task Handler(HttpContext context, AdministrationServices admin);

    /// <summary>Maps the routes.</summary>
    /// <param name="routes">The routes of a host that admits only administrators.</param>
    /// <param name="services">The API server's services. Without an API server, every request is answered with 404.</param>
    public static void MapAdministration(this IEndpointRouteBuilder routes, Func<IServiceProvider?> services)
    {
        void Map(string path, params ReadOnlySpan<(string Method, Handler Handler)> methods)
        {
            (string, RequestDelegate)[] guarded = [.. methods.ToArray().Select(one => (one.Method, Guard(services, one.Handler)))];
            routes.MapRoute(Root + path, guarded);
        }

        Map("/users", (HttpMethods.Get, ListUsersAsync), (HttpMethods.Post, Body(Json.CreateUser, CreateUserAsync)));
        Map(
            "/users/{user}",
            (HttpMethods.Get, GetUserAsync),
            (HttpMethods.Patch, Body(Json.ChangeUser, ChangeUserAsync)),
            (HttpMethods.Delete, DeleteUserAsync));
        Map("/users/{user}/tokens", (HttpMethods.Get, ListTokensAsync), (HttpMethods.Post, Body(Json.CreateToken, CreateTokenAsync)));
        Map("/users/{user}/tokens/{token}", (HttpMethods.Delete, DeleteTokenAsync));
        Map("/users/{user}/tokens/{token}/rotate", (HttpMethods.Post, RotateTokenAsync));
        Map("/users/{user}/external-auth", (HttpMethods.Get, ListLinksAsync));
        Map(
            "/users/{user}/external-auth/{provider}",
            (HttpMethods.Put, Body(Json.SetExternalAuth, SetLinkAsync)),
            (HttpMethods.Delete, RemoveLinkAsync));
        Map("/external-auth/providers", (HttpMethods.Get, ListProvidersAsync));
        Map("/workspaces", (HttpMethods.Get, ListWorkspacesAsync), (HttpMethods.Post, Body(Json.CreateWorkspace, CreateWorkspaceAsync)));
        Map(
            "/workspaces/{workspace}",
            (HttpMethods.Get, GetWorkspaceAsync),
            (HttpMethods.Patch, Body(Json.RenameWorkspace, RenameWorkspaceAsync)),
            (HttpMethods.Delete, DeleteWorkspaceAsync));
        Map("/workspaces/{workspace}/prepare", (HttpMethods.Post, PrepareWorkspaceAsync));
        Map("/workspaces/{workspace}/unprepare", (HttpMethods.Post, UnprepareWorkspaceAsync));
        Map("/workspaces/{workspace}/reinit", (HttpMethods.Post, Body(Json.ReinitWorkspace, ReinitWorkspaceAsync)));
        Map("/agents", (HttpMethods.Get, ListAgentsAsync), (HttpMethods.Post, Body(Json.CreateAgent, CreateAgentAsync)));
        Map("/agents/{agent}", (HttpMethods.Get, GetAgentAsync), (HttpMethods.Delete, DeleteAgentAsync));
        Map("/agents/{agent}/declarations", (HttpMethods.Put, Body(Json.DeclarationsBody, DeclareAsync)));
        Map("/agents/{agent}/rotate-token", (HttpMethods.Post, RotateAgentTokenAsync));
        Map("/agents/{agent}/instance", (HttpMethods.Put, Body(Json.BindInstance, BindAsync)), (HttpMethods.Delete, UnbindAsync));
        Map("/instance-bindings", (HttpMethods.Get, ListBindingsAsync));
        routes.MapRoute(Root + "/openapi.json", HttpMethods.Get, ApiDocument.Serve(routes, Description));
    }

    private static RequestDelegate Guard(Func<IServiceProvider?> services, Handler handler) => async context =>
    {
        if (services()?.GetService<AdministrationServices>() is not { } admin)
        {
            await context.WriteAsync(
                StatusCodes.Status404NotFound,
                new ApiError("This node has no API server.", "Send the request to a node that runs one."));
            return;
        }

        await admin.Boundary.InvokeAsync(context, async inner =>
        {
            try
            {
                await handler(inner, admin);
            }
            catch (RefusedException refused)
            {
                await inner.WriteAsync(
                    refused.Refusal switch
                    {
                        Refusal.NotFound => StatusCodes.Status404NotFound,
                        Refusal.Conflict => StatusCodes.Status409Conflict,
                        _ => StatusCodes.Status400BadRequest,
                    },
                    refused.Error);
            }
        });
    };

    private static Handler Body<T>(JsonTypeInfo<T> type, Func<HttpContext, AdministrationServices, T, Task> handler)
        where T : class, new() => async (context, admin) =>
        {
            if (await RequestBody.ReadAsync(context, type, admin.Options.MaxRequestBodyBytes) is { } body)
            {
                await handler(context, admin, body);
            }
        };

    private static Task OkAsync<T>(HttpContext context, T body, JsonTypeInfo<T> type) =>
        context.WriteAsync(StatusCodes.Status200OK, body, type);

    private static Task CreatedAsync<T>(HttpContext context, T body, JsonTypeInfo<T> type) =>
        context.WriteAsync(StatusCodes.Status201Created, body, type);

    private static async Task DoneAsync(HttpContext context, Task work)
    {
        await work;
        context.Response.StatusCode = StatusCodes.Status204NoContent;
    }

    /// <summary>A route's value. Kestrel does not decode the escaped slashes of <c>user%2Fworkspace%2Fagent</c>.</summary>
    private static string Reference(HttpContext context, string name) =>
        (context.Request.RouteValues[name] as string ?? "").Replace("%2F", "/", StringComparison.OrdinalIgnoreCase);

    private static string? Query(HttpContext context, string name) =>
        context.Request.Query[name] is [{ Length: > 0 } given, ..] ? given : null;

    private static Page Page(HttpContext context)
    {
        return new Page(
            Number("limit", Administration.Page.DefaultLimit, 1, Administration.Page.MaxLimit),
            Number("offset", 0, 0, int.MaxValue));

        int Number(string name, int otherwise, int min, int max) => Query(context, name) is not { } text ? otherwise
            : int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number >= min && number <= max ? number
            : throw RefusedException.Invalid(name, FormattableString.Invariant($"must be a whole number from {min} to {max}"));
    }

    private static bool Flag(HttpContext context, string name) => Query(context, name) switch
    {
        null or "false" => false,
        "true" => true,
        _ => throw RefusedException.Invalid(name, "must be true or false"),
    };

    private static async Task ListUsersAsync(HttpContext context, AdministrationServices admin) =>
        await OkAsync(context, await admin.Users.ListAsync(Page(context)), Json.UserList);

    private static async Task CreateUserAsync(HttpContext context, AdministrationServices admin, CreateUser body) =>
        await CreatedAsync(context, await admin.Users.CreateAsync(body, context.RequestAborted), Json.UserRow);

    private static async Task GetUserAsync(HttpContext context, AdministrationServices admin) =>
        await OkAsync(context, await admin.Users.GetAsync(Reference(context, "user")), Json.UserRow);

    private static async Task ChangeUserAsync(HttpContext context, AdministrationServices admin, ChangeUser body) =>
        await OkAsync(context, await admin.Users.ChangeAsync(Reference(context, "user"), body, context.RequestAborted), Json.UserRow);

    private static Task DeleteUserAsync(HttpContext context, AdministrationServices admin) =>
        DoneAsync(context, admin.Users.DeleteAsync(Reference(context, "user"), Flag(context, "with_workspaces"), context.RequestAborted));

    private static async Task ListTokensAsync(HttpContext context, AdministrationServices admin) =>
        await OkAsync(context, await admin.Tokens.ListAsync(Reference(context, "user"), Page(context)), Json.TokenList);

    private static async Task CreateTokenAsync(HttpContext context, AdministrationServices admin, CreateToken body) =>
        await CreatedAsync(
            context, await admin.Tokens.CreateAsync(Reference(context, "user"), body, context.RequestAborted), Json.NewToken);

    private static async Task RotateTokenAsync(HttpContext context, AdministrationServices admin) =>
        await OkAsync(
            context,
            await admin.Tokens.RotateAsync(Reference(context, "user"), Reference(context, "token"), context.RequestAborted),
            Json.NewToken);

    private static Task DeleteTokenAsync(HttpContext context, AdministrationServices admin) =>
        DoneAsync(context, admin.Tokens.DeleteAsync(Reference(context, "user"), Reference(context, "token"), context.RequestAborted));

    private static Task ListProvidersAsync(HttpContext context, AdministrationServices admin) =>
        OkAsync(context, admin.ExternalAuth.Providers(), Json.ProviderList);

    private static async Task ListLinksAsync(HttpContext context, AdministrationServices admin) =>
        await OkAsync(context, await admin.ExternalAuth.LinksAsync(Reference(context, "user")), Json.LinkList);

    private static Task SetLinkAsync(HttpContext context, AdministrationServices admin, SetExternalAuth body) =>
        DoneAsync(
            context,
            admin.ExternalAuth.SetAsync(Reference(context, "user"), Reference(context, "provider"), body, context.RequestAborted));

    private static Task RemoveLinkAsync(HttpContext context, AdministrationServices admin) =>
        DoneAsync(
            context,
            admin.ExternalAuth.RemoveAsync(Reference(context, "user"), Reference(context, "provider"), context.RequestAborted));

    private static async Task ListWorkspacesAsync(HttpContext context, AdministrationServices admin) =>
        await OkAsync(context, await admin.Workspaces.ListAsync(Query(context, "owner"), Page(context)), Json.WorkspaceList);

    private static async Task CreateWorkspaceAsync(HttpContext context, AdministrationServices admin, CreateWorkspace body) =>
        await CreatedAsync(context, await admin.Workspaces.CreateAsync(body, context.RequestAborted), Json.WorkspaceRow);

    private static async Task GetWorkspaceAsync(HttpContext context, AdministrationServices admin) =>
        await OkAsync(context, await admin.Workspaces.GetAsync(Reference(context, "workspace")), Json.WorkspaceRow);

    private static async Task RenameWorkspaceAsync(HttpContext context, AdministrationServices admin, RenameWorkspace body) =>
        await OkAsync(
            context,
            await admin.Workspaces.RenameAsync(Reference(context, "workspace"), body, context.RequestAborted),
            Json.WorkspaceRow);

    private static Task DeleteWorkspaceAsync(HttpContext context, AdministrationServices admin) =>
        DoneAsync(context, admin.Workspaces.DeleteAsync(Reference(context, "workspace"), context.RequestAborted));

    private static async Task PrepareWorkspaceAsync(HttpContext context, AdministrationServices admin) =>
        await OkAsync(
            context, await admin.Workspaces.PrepareAsync(Reference(context, "workspace"), context.RequestAborted), Json.WorkspaceRow);

    private static async Task UnprepareWorkspaceAsync(HttpContext context, AdministrationServices admin) =>
        await OkAsync(
            context, await admin.Workspaces.UnprepareAsync(Reference(context, "workspace"), context.RequestAborted), Json.WorkspaceRow);

    private static async Task ReinitWorkspaceAsync(HttpContext context, AdministrationServices admin, ReinitWorkspace body) =>
        await OkAsync(
            context,
            await admin.Workspaces.ReinitAsync(Reference(context, "workspace"), body, context.RequestAborted),
            Json.WorkspaceRow);

    private static async Task ListAgentsAsync(HttpContext context, AdministrationServices admin) =>
        await OkAsync(context, await admin.Agents.ListAsync(Query(context, "workspace"), Page(context)), Json.AgentList);

    private static async Task CreateAgentAsync(HttpContext context, AdministrationServices admin, CreateAgent body) =>
        await CreatedAsync(context, await admin.Agents.CreateAsync(body, context.RequestAborted), Json.NewAgentToken);

    private static async Task GetAgentAsync(HttpContext context, AdministrationServices admin) =>
        await OkAsync(context, await admin.Agents.GetAsync(Reference(context, "agent")), Json.AgentDetails);

    private static Task DeleteAgentAsync(HttpContext context, AdministrationServices admin) =>
        DoneAsync(context, admin.Agents.DeleteAsync(Reference(context, "agent"), context.RequestAborted));

    private static async Task DeclareAsync(HttpContext context, AdministrationServices admin, DeclarationsBody body) =>
        await OkAsync(
            context, await admin.Agents.DeclareAsync(Reference(context, "agent"), body, context.RequestAborted), Json.AgentDetails);

    private static async Task RotateAgentTokenAsync(HttpContext context, AdministrationServices admin) =>
        await OkAsync(
            context, await admin.Agents.RotateTokenAsync(Reference(context, "agent"), context.RequestAborted), Json.NewAgentToken);

    private static Task BindAsync(HttpContext context, AdministrationServices admin, BindInstance body) =>
        DoneAsync(context, admin.Instances.BindAsync(Reference(context, "agent"), body, context.RequestAborted));

    private static Task UnbindAsync(HttpContext context, AdministrationServices admin) =>
        DoneAsync(context, admin.Instances.UnbindAsync(Reference(context, "agent"), context.RequestAborted));

    private static async Task ListBindingsAsync(HttpContext context, AdministrationServices admin) =>
        await OkAsync(context, await admin.Instances.ListAsync(Page(context)), Json.BindingList);
}
