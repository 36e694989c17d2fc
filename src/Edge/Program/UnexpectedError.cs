namespace Edge.Program;

/// <summary>The one-line description of an unexpected error.</summary>
internal static class UnexpectedError
{
    private const string TraceVariable = "EDGE_STACK_TRACE";

    // errno(3): the process has too many open files (EMFILE), or the whole system has (ENFILE).
    private const int Emfile = 24;
    private const int Enfile = 23;

    /// <summary>Whether the operator wants to see the stack trace.</summary>
    public static bool IsTraced => Environment.GetEnvironmentVariable(TraceVariable) == "1";

    /// <summary>Describes the innermost exception, which is the cause. The outer ones only say where it was caught.</summary>
    public static string Describe(Exception error)
    {
        var cause = error.GetBaseException();
        var what = IsOutOfDescriptors(cause)
            ? $"too many open files; raise the limit (ulimit -n, LimitNOFILE) ({cause.Message})"
            : $"{cause.GetType().Name}: {cause.Message}";
        return $"{what.ReplaceLineEndings(" ")} ({TraceVariable}=1 in the environment shows the stack trace)";
    }

    // Without descriptors no assembly can be loaded, so this uses only loaded types.
    private static bool IsOutOfDescriptors(Exception cause) =>
        cause is IOException { HResult: Emfile or Enfile }
        || cause.Message.Contains("Too many open files", StringComparison.OrdinalIgnoreCase);
}
