using System.Text.Json.Serialization;

namespace ControlPlane.Http;

/// <summary>The API's error body (tailnet.md §1.1). It omits <c>detail</c> and <c>validations</c> when they are null.</summary>
/// <param name="Message">What went wrong, in one sentence.</param>
/// <param name="Detail">The cause, or what to do. Omitted when there is none.</param>
/// <param name="Validations">The invalid fields. Omitted when the error is not about fields.</param>
internal sealed record ApiError(
    string Message,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] string? Detail = null,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] IReadOnlyList<ApiValidation>? Validations = null)
{
    public const string SignedOut = "You are signed out or your session has expired. Please sign in again to continue.";

    public static ApiError RouteNotFound { get; } = new("Route not found.");

    public static ApiError MethodNotAllowed { get; } = new("Method not allowed.");

    public static ApiError AgentNotFound { get; } = new("Agent doesn't exist with that id, or you do not have access to it.");

    public static ApiError AgentNotAuthorized { get; } = new(
        "Workspace agent not authorized.",
        "The agent cannot authenticate until the workspace provision job has been completed. "
        + "If the job is no longer running, this agent is invalid.");

    /// <summary>
    /// The body is not JSON. The detail names the position. JSON of another shape than the route's body is <see cref="ValidationFailed"/>.
    /// </summary>
    public static ApiError InvalidJson(string detail) => new("Request body must be valid JSON.", detail);

    public static ApiError ValidationFailed(params ApiValidation[] validations) => new("Validation failed.", null, validations);
}

/// <summary>One invalid field, and why it is invalid.</summary>
/// <param name="Field">The field's path, such as <c>apps[0].slug</c>, or a parameter's name. <c>body</c> is the whole body.</param>
/// <param name="Detail">What is wrong with the field, and what is allowed.</param>
internal sealed record ApiValidation(string Field, string Detail);
