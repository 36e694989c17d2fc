namespace Sockets;

/// <summary>How many threads wait for sockets, which are also the ones that carry streams and DERP.</summary>
public static class SocketThreads
{
    /// <summary>The environment variable that the runtime reads before its first socket.</summary>
    public const string Variable = "DOTNET_SYSTEM_NET_SOCKETS_THREAD_COUNT";

    /// <summary>
    /// Half of the processors, at least one and at most sixteen: on two, a second thread makes batches smaller and costs a fifth more for
    /// each packet; requests, TLS handshakes and the kernel need the other half.
    /// </summary>
    /// <param name="processors">How many there are.</param>
    public static int CountFor(int processors) => Math.Clamp(processors / 2, 1, 16);

    /// <summary>Sets the variable, unless the operator has; to be called before the process's first socket.</summary>
    public static void Configure()
    {
        if (string.IsNullOrEmpty(Environment.GetEnvironmentVariable(Variable)))
        {
            Environment.SetEnvironmentVariable(Variable, CountFor(Environment.ProcessorCount).ToString(System.Globalization.CultureInfo.InvariantCulture));
        }
    }
}
