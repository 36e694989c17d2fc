using System.Text;

namespace ControlPlane.Http;

/// <summary>Reasons of WebSockets' close frames.</summary>
internal static class CloseReason
{
    // RFC 6455 §5.5
    private const int MaxBytes = 123;

    /// <summary>The begin of a text that fits into a close frame. It cuts no character.</summary>
    public static string Truncate(string reason)
    {
        while (Encoding.UTF8.GetByteCount(reason) > MaxBytes)
        {
            reason = reason[..^(char.IsLowSurrogate(reason[^1]) && reason.Length > 1 ? 2 : 1)];
        }

        return reason;
    }
}
