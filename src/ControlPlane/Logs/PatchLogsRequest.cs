namespace ControlPlane.Logs;

/// <summary>The body of <c>PATCH me/logs</c>. What is missing or null counts as empty, as with Go's decoder.</summary>
internal sealed class PatchLogsRequest
{
    public Guid? LogSourceId { get; set; }

    public List<PatchedLine?>? Logs { get; set; }
}

/// <summary>A line as sent. Its time must be one, but the server's is stored.</summary>
internal sealed class PatchedLine
{
    public DateTimeOffset? CreatedAt { get; set; }

    public string? Output { get; set; }

    public string? Level { get; set; }
}
