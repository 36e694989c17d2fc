namespace ControlPlane.Logs;

/// <summary>The body of <c>PATCH me/logs</c>. What is missing or null counts as empty, as with Go's decoder.</summary>
internal sealed class PatchLogsRequest
{
    /// <summary>The id of the lines' source; missing: the one called External.</summary>
    public Guid? LogSourceId { get; set; }

    /// <summary>The lines, oldest first. All are stored or none.</summary>
    public List<PatchedLine?>? Logs { get; set; }
}

/// <summary>A line as sent. Its time must be one, but the server's is stored.</summary>
internal sealed class PatchedLine
{
    /// <summary>A time, if it is there; the server's is stored.</summary>
    public DateTimeOffset? CreatedAt { get; set; }

    /// <summary>Its text, cut after 1,024 characters.</summary>
    public string? Output { get; set; }

    /// <summary>How severe it is; missing or empty: info.</summary>
    public string? Level { get; set; }
}
