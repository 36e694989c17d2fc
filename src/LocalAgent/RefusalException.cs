namespace LocalAgent;

/// <summary>A request that the agent does not fulfil. The caller's user sees the message, so it holds no secrets.</summary>
/// <param name="status">The HTTP status of the answer.</param>
/// <param name="message">A text for the user.</param>
/// <param name="detail">A text for the operator who repairs the cause; null for none.</param>
internal sealed class RefusalException(int status, string message, string? detail = null) : Exception(message)
{
    public int Status => status;

    public string? Detail => detail;
}
