namespace Edge.Administration;

/// <summary>The command line, or a file that it names, is wrong; the message says how.</summary>
internal sealed class AdminUsageException(string message) : Exception(message);
