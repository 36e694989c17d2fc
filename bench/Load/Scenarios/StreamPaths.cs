namespace Load.Scenarios;

/// <summary>
/// The paths of streams. The backend echoes, or sends a bulk transfer where the path says so. An edge recognises
/// terminals by their path, and resumes them.
/// </summary>
internal static class StreamPaths
{
    public const string Echo = "/echo";
    public const string BulkTransfer = "/" + BulkTransferMark;
    public const string TerminalEcho = Terminal + "&command=echo";
    public const string TerminalBulkTransfer = Terminal + "&command=" + BulkTransferMark;

    /// <summary>The mark of a bulk transfer in a path.</summary>
    public const string BulkTransferMark = "bulk-transfer";

    private const string Terminal =
        "/api/v2/workspaceagents/4b1e0c3a-6a58-4c3e-9a39-0b7b2f6d5c11/pty?reconnect=4b1e0c3a-6a58-4c3e-9a39-0b7b2f6d5c12";
}
