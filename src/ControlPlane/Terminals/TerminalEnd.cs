using System.Net.WebSockets;

namespace ControlPlane.Terminals;

/// <summary>Why a terminal's WebSocket ends, as the client is told: a close code and a reason of at most 123 bytes.</summary>
internal sealed record TerminalEnd(WebSocketCloseStatus Status, string Reason)
{
    private const int MaxReasonBytes = 123;

    public static readonly TerminalEnd ProcessEnded = new(WebSocketCloseStatus.NormalClosure, "");

    public static readonly TerminalEnd ClientClosed = new(WebSocketCloseStatus.NormalClosure, "");

    public static readonly TerminalEnd Stopping = new(WebSocketCloseStatus.EndpointUnavailable, "server is shutting down");

    public static readonly TerminalEnd TextMessage = new(WebSocketCloseStatus.InvalidMessageType, "expected binary messages");

    public static readonly TerminalEnd InvalidInput = new(WebSocketCloseStatus.InvalidPayloadData, "input must be JSON objects in UTF-8");

    public static readonly TerminalEnd InputTooLong = new(WebSocketCloseStatus.MessageTooBig, "an object of input is too long");

    public static readonly TerminalEnd Failed = new(WebSocketCloseStatus.InternalServerError, "internal error");

    /// <summary>Nobody is left to be told.</summary>
    public static readonly TerminalEnd Lost = new(WebSocketCloseStatus.Empty, "");

    /// <summary>The agent was not reached, has refused, or was lost.</summary>
    public static TerminalEnd Agent(string message) => new(WebSocketCloseStatus.InternalServerError, Cut(message));

    private static string Cut(string reason)
    {
        while (System.Text.Encoding.UTF8.GetByteCount(reason) > MaxReasonBytes)
        {
            reason = reason[..^(char.IsLowSurrogate(reason[^1]) && reason.Length > 1 ? 2 : 1)];
        }

        return reason;
    }
}
