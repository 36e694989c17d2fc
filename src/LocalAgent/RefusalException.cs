namespace LocalAgent;

/// <summary>A request that the agent does not fulfil. The caller's user sees the message, so it holds no secrets.</summary>
/// <param name="status">The HTTP status of the answer.</param>
/// <param name="message">For the user.</param>
/// <param name="detail">For whoever repairs the cause; null when there is nothing more to say.</param>
internal sealed class RefusalException(int status, string message, string? detail = null) : Exception(message)
{
    public int Status => status;

    public string? Detail => detail;
}
