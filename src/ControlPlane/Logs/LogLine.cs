namespace ControlPlane.Logs;

/// <summary>A stored line. Ids ascend over all agents in the order in which lines became visible, so that a reader can resume after one.</summary>
/// <param name="Id">Its id: ids ascend over all agents and are never used twice.</param>
/// <param name="CreatedAt">When the server stored it.</param>
/// <param name="Output">Its text, at most 1,024 characters.</param>
/// <param name="Level">How severe it is.</param>
/// <param name="SourceId">The id of its log source.</param>
internal sealed record LogLine(long Id, DateTimeOffset CreatedAt, string Output, string Level, Guid SourceId);

/// <summary>A line to be stored.</summary>
/// <param name="Output">Cut to what is stored.</param>
/// <param name="Level">One of <see cref="LogText.Levels"/>.</param>
internal sealed record NewLogLine(string Output, string Level);

/// <summary>Some lines, oldest first, and whether there may be more right behind them.</summary>
internal sealed record LogPage(IReadOnlyList<LogLine> Lines, bool HasMore);
