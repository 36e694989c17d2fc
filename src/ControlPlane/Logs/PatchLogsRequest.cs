namespace ControlPlane.Logs;

/// <summary>The body of <c>PATCH me/logs</c>. Fields that are missing or null count as empty, as with Go's decoder.</summary>
internal sealed class PatchLogsRequest
{
    /// <summary>The id of the lines' source. Missing: the source called External.</summary>
    public Guid? LogSourceId { get; set; }

    /// <summary>The lines, oldest first. The server stores all or none.</summary>
    public List<PatchedLine?>? Logs { get; set; }
}

/// <summary>A line in a request. The server stores its own time with it.</summary>
internal sealed class PatchedLine
{
    /// <summary>The agent's time. It must be valid, but the server stores its own.</summary>
    public DateTimeOffset? CreatedAt { get; set; }

    /// <summary>The line's text. The server truncates it to 1,024 characters.</summary>
    public string? Output { get; set; }

    /// <summary>The line's severity. Missing or empty: info.</summary>
    public string? Level { get; set; }
}
