using System.Net.Sockets;
using System.Runtime.CompilerServices;

namespace Sockets;

/// <summary>
/// Sets whether the continuations of a socket's operations run inline on the socket thread, without a hop to the thread pool. The runtime
/// has an internal property for this, for its own experiments. A runtime without it makes streams slower, and has no other effect.
/// </summary>
/// <remarks>
/// Only sockets that carry streams or DERP use this, after their handover from the HTTP layer. Continuations on a socket thread must
/// neither block nor compute for long, because all other sockets of that thread wait for them. All other work (requests, handshakes,
/// databases) runs on the request threads and on the thread pool. The AppContext switch <see cref="SwitchName"/>, or the environment
/// variable <see cref="VariableName"/> with the value 1, disables inline completions for the process: streams then run on the thread pool
/// too.
/// </remarks>
internal static class InlineCompletions
{
    /// <summary>The AppContext switch; it is set in <c>Edge.runtimeconfig.json</c> under <c>configProperties</c>.</summary>
    public const string SwitchName = "Edge.Sockets.DisableInlineCompletions";

    /// <summary>The environment variable, for operators who cannot edit that file.</summary>
    public const string VariableName = "EDGE_SOCKETS_DISABLE_INLINE_COMPLETIONS";

    private static volatile bool _isMissing;

    /// <summary>Whether the operator has disabled inline completions.</summary>
    public static bool IsDisabled { get; } =
        (AppContext.TryGetSwitch(SwitchName, out var isDisabled) && isDisabled) || Environment.GetEnvironmentVariable(VariableName) is "1";

    /// <summary>Whether inline completions are used. A runtime without the property is detected at the first use.</summary>
    public static bool IsAvailable => !IsDisabled && !_isMissing;

    /// <summary>Sets inline completions for a socket, also while an operation is pending.</summary>
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
            // The socket was closed meanwhile; no operation completes on it any more.
            return;
        }
    }

    /// <summary>Returns the setting of a socket; for tests.</summary>
    public static bool Get(Socket socket) => GetPreferInlineCompletions(socket.SafeHandle);

    [UnsafeAccessor(UnsafeAccessorKind.Method, Name = "set_PreferInlineCompletions")]
    private static extern void SetPreferInlineCompletions(Socket socket, bool value);

    [UnsafeAccessor(UnsafeAccessorKind.Method, Name = "get_PreferInlineCompletions")]
    private static extern bool GetPreferInlineCompletions(SafeSocketHandle handle);
}
