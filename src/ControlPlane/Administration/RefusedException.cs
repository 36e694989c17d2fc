using ControlPlane.Http;

namespace ControlPlane.Administration;

/// <summary>The reason why an administrator's request is refused.</summary>
internal enum Refusal
{
    /// <summary>A field or parameter is invalid (400).</summary>
    Invalid,

    /// <summary>A resource that the request names does not exist (404).</summary>
    NotFound,

    /// <summary>The stored state does not allow the request (409).</summary>
    Conflict,
}

/// <summary>
/// The refusal of an administrator's request. Thrown inside a transaction, it rolls the transaction back. The routes answer it.
/// </summary>
internal sealed class RefusedException(Refusal refusal, ApiError error) : Exception(error.Message)
{
    public Refusal Refusal { get; } = refusal;

    public ApiError Error { get; } = error;

    public static RefusedException Invalid(string field, string detail) =>
        new(Refusal.Invalid, ApiError.ValidationFailed(new ApiValidation(field, detail)));

    public static RefusedException NotFound(string what) => new(Refusal.NotFound, new ApiError($"There is no such {what}."));

    public static RefusedException Conflict(string message, string? detail = null) => new(Refusal.Conflict, new ApiError(message, detail));
}
