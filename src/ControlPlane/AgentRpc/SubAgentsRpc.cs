using System.Data.Common;
using System.Text.Json;
using System.Text.RegularExpressions;
using ControlPlane.Access;
using ControlPlane.Agents;
using ControlPlane.Coordination;
using ControlPlane.Declarations;
using ControlPlane.Http;
using ControlPlane.Storage;
using Tailnet.AgentMessages;
using Tailnet.Coordination;
using Tailnet.Drpc;
using AppError = Tailnet.AgentMessages.CreateSubAgentResponse.Types.AppCreationError;
using DisplayApp = Tailnet.AgentMessages.CreateSubAgentRequest.Types.DisplayApp;

namespace ControlPlane.AgentRpc;

/// <summary>
/// Creates, lists and deletes sub-agents. An agent creates one for each of its development containers. A sub-agent is an agent with a
/// parent. Only hashes of tokens are stored, so only the response to the creation contains the token. A second creation of a declared
/// sub-agent replaces its token.
/// </summary>
internal sealed partial class SubAgentsRpc(
    AgentStore agents,
    Database database,
    WorkspaceSignals signals,
    AccessSignals access,
    ControlPlaneOptions options,
    TimeProvider time)
{
    private const int MaxName = 64;
    private const int MaxText = 4096;

    public async ValueTask<CreateSubAgentResponse> CreateAsync(
        Guid parentId, CreateSubAgentRequest request, CancellationToken cancellationToken)
    {
        var displayApps = JsonSerializer.Serialize([.. request.DisplayApps.Select(NameOf)], ApiJson.Wire.StringArray);
        if (new[] { request.Directory, request.Architecture, request.OperatingSystem }.Any(static text => text.Length > MaxText))
        {
            throw new DrpcException(0, "a text is too long");
        }

        var parent = await agents.FindAsync(parentId) ?? throw new DrpcException(0, "the agent does not exist any more");
        var token = Secrets.NewUuid();
        CreateSubAgentResponse response;
        if (request.HasId)
        {
            response = await database.WriteAsync(
                connection => ReplaceToken(connection, parent, request, displayApps, token), cancellationToken);

            // The old token is no longer valid.
            access.Changed();
        }
        else
        {
            CheckName(request.Name);
            response = await database.WriteAsync(connection => Insert(connection, parent, request, displayApps, token), cancellationToken);
        }

        signals.Pulse(parent.OwnerId);
        return response;
    }

    public async ValueTask<DeleteSubAgentResponse> DeleteAsync(
        Guid parentId, DeleteSubAgentRequest request, CancellationToken cancellationToken)
    {
        if (!PeerIds.TryRead(request.Id, out var id))
        {
            throw new DrpcException(0, "invalid sub agent ID");
        }

        var parent = await agents.FindAsync(parentId) ?? throw new DrpcException(0, "the agent does not exist any more");
        var deleted = await database.WriteAsync(
            connection => connection.Execute(
                "DELETE FROM workspace_agents WHERE id = @id AND parent_id = @parent", ("@id", id), ("@parent", parentId)),
            cancellationToken);
        if (deleted == 0)
        {
            throw new DrpcException(0, "sub agent not found");
        }

        signals.Pulse(parent.OwnerId);
        access.Changed();
        return new DeleteSubAgentResponse();
    }

    public async ValueTask<ListSubAgentsResponse> ListAsync(Guid parentId) => new()
    {
        Agents =
        {
            await database.ReadAsync(connection => connection.ListAsync(
                "SELECT id, name FROM workspace_agents WHERE parent_id = @parent ORDER BY created_at, id",
                static reader => new SubAgent { Id = PeerIds.Write(reader.Uuid("id")), Name = reader.Text("name") },
                ("@parent", parentId))),
        },
    };

    private static CreateSubAgentResponse ReplaceToken(
        DbConnection connection, Agent parent, CreateSubAgentRequest request, string displayApps, Guid token)
    {
        if (!PeerIds.TryRead(request.Id, out var id))
        {
            throw new DrpcException(0, "parse agent id");
        }

        var name = connection.First(
            "SELECT name FROM workspace_agents WHERE id = @id AND parent_id = @parent",
            static reader => reader.Text("name"),
            ("@id", id),
            ("@parent", parent.Id)) ?? throw new DrpcException(0, "subagent does not belong to this parent agent");
        connection.Execute(
            """
            UPDATE workspace_agents SET hashed_auth_token = @hash, display_apps = @apps,
                directory = CASE WHEN @directory = '' THEN directory ELSE @directory END WHERE id = @id
            """,
            ("@id", id),
            ("@hash", Secrets.Hash(token)),
            ("@apps", displayApps),
            ("@directory", request.Directory));
        return Response(id, name, token, []);
    }

    private static CreateSubAgentResponse Response(Guid id, string name, Guid token, IEnumerable<AppError> errors) => new()
    {
        Agent = new SubAgent { Id = PeerIds.Write(id), Name = name, AuthToken = PeerIds.Write(token) },
        AppCreationErrors = { errors },
    };

    private static void CheckName(string name)
    {
        if (name.Length == 0)
        {
            throw new DrpcException(0, "field: name detail: agent name cannot be empty");
        }

        if (name.Length > MaxName || !NamePattern().IsMatch(name))
        {
            throw new DrpcException(0, "field: name detail: agent name does not match regex \"(?i)^[a-z0-9](-?[a-z0-9])*$\"");
        }
    }

    private static string NameOf(DisplayApp app, int index) => app switch
    {
        DisplayApp.Vscode => "vscode",
        DisplayApp.VscodeInsiders => "vscode_insiders",
        DisplayApp.WebTerminal => "web_terminal",
        DisplayApp.SshHelper => "ssh_helper",
        DisplayApp.PortForwardingHelper => "port_forwarding_helper",
        _ => throw new DrpcException(0, $"field: display_apps[{index}] detail: \"{(int)app}\" is not a valid display app"),
    };

    [GeneratedRegex(@"\A[a-zA-Z0-9](-?[a-zA-Z0-9])*\z", RegexOptions.CultureInvariant)]
    private static partial Regex NamePattern();

    private CreateSubAgentResponse Insert(
        DbConnection connection, Agent parent, CreateSubAgentRequest request, string displayApps, Guid token)
    {
        if (connection.Count(
            "SELECT count(*) FROM workspace_agents WHERE workspace_id = @workspace AND lower(name) = lower(@name)",
            ("@workspace", parent.WorkspaceId),
            ("@name", request.Name)) > 0)
        {
            throw new DrpcException(0, $"insert sub agent: workspace agent name \"{request.Name}\" already exists in this workspace");
        }

        if (connection.Count(
            "SELECT count(*) FROM workspace_agents WHERE workspace_id = @workspace AND parent_id IS NOT NULL",
            ("@workspace", parent.WorkspaceId)) >= options.MaxSubAgentsPerWorkspace)
        {
            throw new DrpcException(0, "insert sub agent: too many sub agents");
        }

        var id = Secrets.NewUuid();
        connection.Execute(
            """
            INSERT INTO workspace_agents (id, workspace_id, parent_id, resource_id, name, hashed_auth_token, created_at, updated_at,
                architecture, operating_system, directory, display_apps, connection_timeout_seconds, troubleshooting_url)
            VALUES (@id, @workspace, @parent, @resource, @name, @hash, @now, @now,
                @architecture, @os, @directory, @apps, @timeout, @troubleshooting)
            """,
            ("@id", id),
            ("@workspace", parent.WorkspaceId),
            ("@parent", parent.Id),
            ("@resource", parent.ResourceId),
            ("@name", request.Name),
            ("@hash", Secrets.Hash(token)),
            ("@now", time.GetUtcNow()),
            ("@architecture", request.Architecture),
            ("@os", request.OperatingSystem),
            ("@directory", request.Directory),
            ("@apps", displayApps),
            ("@timeout", (long)parent.ConnectionTimeoutSeconds),
            ("@troubleshooting", parent.TroubleshootingUrl));
        var (apps, errors) = SubAgentApps.Check(request.Name, request.Apps);
        var declarations = new AgentDeclarations { Apps = [.. apps.Select(static app => SubAgentApps.Declare(app.Slug, app.App))] };
        DeclarationWriter.Write(connection, id, declarations);
        return Response(id, request.Name, token, errors);
    }
}
