namespace ControlPlane.Logs;

/// <summary>
/// A stored line. Ids ascend over all agents in the order in which lines became visible, so that a reader can resume after an id.
/// </summary>
/// <param name="Id">The line's id. Ids ascend over all agents and are never reused.</param>
/// <param name="CreatedAt">The time when the server stored the line.</param>
/// <param name="Output">The line's text, at most 1,024 characters.</param>
/// <param name="Level">The line's severity.</param>
/// <param name="SourceId">The id of the line's log source.</param>
internal sealed record LogLine(long Id, DateTimeOffset CreatedAt, string Output, string Level, Guid SourceId);

/// <summary>A line that is not stored yet.</summary>
/// <param name="Output">The text, at most <see cref="LogText.MaxCharacters"/>.</param>
/// <param name="Level">One of <see cref="LogText.Levels"/>.</param>
internal sealed record NewLogLine(string Output, string Level);

/// <summary>A page of lines, oldest first, and whether more lines may follow it.</summary>
internal sealed record LogPage(IReadOnlyList<LogLine> Lines, bool HasMore);
