namespace Edge.Program;

/// <summary>The one line for an error that nothing else has a line for.</summary>
internal static class UnforeseenError
{
    private const string TraceVariable = "EDGE_STACK_TRACE";

    // errno(3): this process has too many files open, or the whole system has.
    private const int Emfile = 24;
    private const int Enfile = 23;

    /// <summary>Whether the operator has asked for the stack trace too.</summary>
    public static bool IsTraced => Environment.GetEnvironmentVariable(TraceVariable) == "1";

    /// <summary>The innermost cause: what is around it says only where it was met.</summary>
    public static string Describe(Exception error)
    {
        var cause = error.GetBaseException();
        var what = IsOutOfDescriptors(cause)
            ? $"too many open files; raise the limit (ulimit -n, LimitNOFILE) ({cause.Message})"
            : $"{cause.GetType().Name}: {cause.Message}";
        return $"{what.ReplaceLineEndings(" ")} ({TraceVariable}=1 in the environment shows the stack trace)";
    }

    // Asks for nothing that would have to be loaded: a file could not be opened now.
    private static bool IsOutOfDescriptors(Exception cause) =>
        cause is IOException { HResult: Emfile or Enfile }
        || cause.Message.Contains("Too many open files", StringComparison.OrdinalIgnoreCase);
}
