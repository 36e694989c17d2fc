using System.Net.Sockets;
using System.Runtime.CompilerServices;

namespace Sockets;

/// <summary>
/// Says of a socket whether what waits for it goes on right on the socket thread, without a hop to the thread pool. The runtime has that
/// as a property for its own experiments; where it is missing, streams lose speed and nothing else.
/// </summary>
/// <remarks>
/// For sockets that carry streams or DERP only, once the HTTP layer has let go of them: what runs there must neither block nor compute
/// for long, since all those sockets wait for it. Everything else (requests, handshakes, databases) runs on the threads of requests and on the
/// thread pool, so neither holds the other up. The AppContext switch <see cref="SwitchName"/>, or the environment variable
/// <see cref="VariableName"/> with the value 1, turns it off for the process: streams then go on on the thread pool too.
/// </remarks>
internal static class InlineCompletions
{
    /// <summary>In <c>Edge.runtimeconfig.json</c>, under <c>configProperties</c>.</summary>
    public const string SwitchName = "Edge.Sockets.DisableInlineCompletions";

    /// <summary>The same for those who cannot edit that file.</summary>
    public const string VariableName = "EDGE_SOCKETS_DISABLE_INLINE_COMPLETIONS";

    private static volatile bool _isMissing;

    /// <summary>Whether the operator has turned it off.</summary>
    public static bool IsDisabled { get; } =
        (AppContext.TryGetSwitch(SwitchName, out var isDisabled) && isDisabled) || Environment.GetEnvironmentVariable(VariableName) is "1";

    /// <summary>Whether it is used. That this runtime cannot do it is known once it was tried.</summary>
    public static bool IsAvailable => !IsDisabled && !_isMissing;

    /// <summary>Switches it for a socket, also while something waits for that.</summary>
    public static void Set(Socket socket, bool inline)
    {
        if (!IsAvailable)
        {
            return;
        }

        try
        {
            SetPreferInlineCompletions(socket, inline);
        }
        catch (MissingMethodException)
        {
            _isMissing = true;
        }
        catch (ObjectDisposedException)
        {
            // The socket was closed meanwhile: nothing will complete on it.
            return;
        }
    }

    /// <summary>What a socket is set to; for tests.</summary>
    public static bool Get(Socket socket) => GetPreferInlineCompletions(socket.SafeHandle);

    [UnsafeAccessor(UnsafeAccessorKind.Method, Name = "set_PreferInlineCompletions")]
    private static extern void SetPreferInlineCompletions(Socket socket, bool value);

    [UnsafeAccessor(UnsafeAccessorKind.Method, Name = "get_PreferInlineCompletions")]
    private static extern bool GetPreferInlineCompletions(SafeSocketHandle handle);
}
