using ControlPlane.Http;

namespace ControlPlane.Administration;

/// <summary>Why an administrator's request is not done.</summary>
internal enum Refusal
{
    /// <summary>It asks for what cannot be.</summary>
    Invalid,

    /// <summary>What it names is not there.</summary>
    NotFound,

    /// <summary>What is there stands against it.</summary>
    Conflict,
}

/// <summary>An administrator's request that is not done. Thrown inside a transaction, it leaves nothing behind; the routes answer it.</summary>
internal sealed class RefusedException(Refusal refusal, ApiError error) : Exception(error.Message)
{
    public Refusal Refusal { get; } = refusal;

    public ApiError Error { get; } = error;

    public static RefusedException Invalid(string field, string detail) => new(Refusal.Invalid, ApiError.ValidationFailed(new ApiValidation(field, detail)));

    public static RefusedException NotFound(string what) => new(Refusal.NotFound, new ApiError($"There is no such {what}."));

    public static RefusedException Conflict(string message, string? detail = null) => new(Refusal.Conflict, new ApiError(message, detail));
}
