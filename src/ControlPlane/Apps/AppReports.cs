using System.Data.Common;
using ControlPlane.Declarations;
using ControlPlane.Http;
using ControlPlane.Storage;

namespace ControlPlane.Apps;

/// <summary>
/// Stores the reports of agents about their apps, for the REST routes and the rpcs. A report is stored as a whole or not at all.
/// </summary>
internal sealed class AppReports(Database database, ControlPlaneOptions options, TimeProvider time)
{
    /// <summary>The longest message of a status, in bytes of UTF-8 (tailnet.md §1.3-7).</summary>
    public const int MaxMessageBytes = 160;

    private const int MaxUriCharacters = 2048;

    public static IReadOnlyList<string> States { get; } = ["working", "idle", "complete", "failure"];

    /// <summary>Sets the health of apps.</summary>
    /// <param name="agentId">The agent's id.</param>
    /// <param name="healths">The healths by the apps' ids, not validated yet.</param>
    /// <param name="cancellationToken">Ends the wait for the write lock.</param>
    /// <returns>Null, or the reason why nothing was stored.</returns>
    public Task<AppRefusal?> SetHealthsAsync(
        Guid agentId, IReadOnlyCollection<KeyValuePair<Guid, string>> healths, CancellationToken cancellationToken) => database.WriteAsync(
            connection =>
            {
                var checks = connection.List(
                    "SELECT id, healthcheck_url FROM agent_apps WHERE agent_id = @agent",
                    static reader => KeyValuePair.Create(reader.Uuid("id"), reader.Text("healthcheck_url")),
                    ("@agent", agentId)).ToDictionary();
                foreach (var (id, health) in healths)
                {
                    if (Refusal(checks, id, health) is { } refusal)
                    {
                        return refusal;
                    }
                }

                foreach (var (id, health) in healths)
                {
                    connection.Execute("UPDATE agent_apps SET health = @health WHERE id = @id", ("@id", id), ("@health", health));
                }

                return null;
            },
            cancellationToken);

    /// <summary>Adds a status to an app, and deletes the oldest above <see cref="ControlPlaneOptions.MaxStatusesPerApp"/>.</summary>
    /// <returns>Null, or the reason why it was not stored.</returns>
    public Task<ApiError?> AddStatusAsync(
        Guid agentId, string slug, string? state, string message, string uri, CancellationToken cancellationToken)
    {
        var error = Utf8Text.Count(message) > MaxMessageBytes
            ? new ApiError(
                "Message is too long.",
                "Message must be less than 160 characters.",
                [new ApiValidation("message", "Message must be less than 160 characters.")])
            : state is null || !States.Contains(state)
                ? new ApiError(
                    "Invalid state provided.",
                    $"invalid state: \"{state}\"",
                    [new ApiValidation("state", "State must be one of: complete, failure, working, idle.")])
                : uri.Length > MaxUriCharacters
                    ? ApiError.ValidationFailed(new ApiValidation("uri", $"must have at most {MaxUriCharacters} characters"))
                    : null;
        return error is not null
            ? Task.FromResult<ApiError?>(error)
            : database.WriteAsync(connection => Add(connection, agentId, slug, state!, message, uri), cancellationToken);
    }

    private static AppRefusal? Refusal(Dictionary<Guid, string> checks, Guid id, string health) =>
        !checks.TryGetValue(id, out var check) ? new AppRefusal(AppRefusalKind.Unknown, $"workspace app name {id} not found")
        : check.Length == 0 ? new AppRefusal(AppRefusalKind.NoHealthcheck, $"health checking is disabled for workspace app {id}")
        : AppHealths.All.Contains(health) ? null
        : new AppRefusal(AppRefusalKind.UnknownHealth, $"workspace app health {health} is not a valid value");

    private ApiError? Add(DbConnection connection, Guid agentId, string slug, string state, string message, string uri)
    {
        var app = connection.List(
            "SELECT id FROM agent_apps WHERE agent_id = @agent AND slug = @slug",
            static reader => reader.Uuid("id"),
            ("@agent", agentId),
            ("@slug", slug));
        if (app.Count == 0)
        {
            return new ApiError("Failed to get workspace app.", $"No app found with slug \"{slug}\"");
        }

        connection.Execute(
            """
            INSERT INTO agent_app_statuses (id, app_id, created_at, state, message, uri) VALUES (@id, @app, @now, @state, @message, @uri)
            """,
            ("@id", Secrets.NewUuid()),
            ("@app", app[0]),
            ("@now", time.GetUtcNow()),
            ("@state", state),
            ("@message", DisplayText.Of(message)),
            ("@uri", DisplayText.Of(uri)));
        connection.Execute(
            """
            DELETE FROM agent_app_statuses WHERE app_id = @app AND sequence <= (
                SELECT sequence FROM agent_app_statuses WHERE app_id = @app ORDER BY sequence DESC LIMIT 1 OFFSET @kept)
            """,
            ("@app", app[0]),
            ("@kept", (long)options.MaxStatusesPerApp));
        return null;
    }
}

/// <summary>The reason why a report of apps' health was refused.</summary>
internal sealed record AppRefusal(AppRefusalKind Kind, string Detail);

/// <summary>The kinds of <see cref="AppRefusal"/>.</summary>
internal enum AppRefusalKind
{
    /// <summary>The agent has no such app.</summary>
    Unknown,

    /// <summary>The app has no health check.</summary>
    NoHealthcheck,

    /// <summary>The health is not one of <see cref="AppHealths"/>.</summary>
    UnknownHealth,
}
