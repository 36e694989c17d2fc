namespace Sockets;

/// <summary>The number of the runtime's socket threads, which also run streams and DERP.</summary>
public static class SocketThreads
{
    /// <summary>The environment variable that the runtime reads before its first socket.</summary>
    public const string Variable = "DOTNET_SYSTEM_NET_SOCKETS_THREAD_COUNT";

    /// <summary>
    /// Returns half of the processors, at least one and at most sixteen. Requests, TLS handshakes and the kernel need the other half. On
    /// two processors a second thread makes batches smaller, and each packet costs a fifth more.
    /// </summary>
    /// <param name="processors">The number of processors.</param>
    public static int CountFor(int processors) => Math.Clamp(processors / 2, 1, 16);

    /// <summary>Sets the variable, unless the operator has set it. Call this before the process's first socket.</summary>
    public static void Configure()
    {
        if (string.IsNullOrEmpty(Environment.GetEnvironmentVariable(Variable)))
        {
            var count = CountFor(Environment.ProcessorCount);
            Environment.SetEnvironmentVariable(Variable, count.ToString(System.Globalization.CultureInfo.InvariantCulture));
        }
    }
}
