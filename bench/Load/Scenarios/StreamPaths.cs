namespace Load.Scenarios;

/// <summary>Where streams go. The backend echoes what comes, or pours when the path says so; an edge knows terminals by theirs, and resumes them.</summary>
internal static class StreamPaths
{
    public const string Echo = "/echo";
    public const string Pour = "/pour";
    public const string TerminalEcho = Terminal + "&command=echo";
    public const string TerminalPour = Terminal + "&command=pour";

    private const string Terminal =
        "/api/v2/workspaceagents/4b1e0c3a-6a58-4c3e-9a39-0b7b2f6d5c11/pty?reconnect=4b1e0c3a-6a58-4c3e-9a39-0b7b2f6d5c12";
}
