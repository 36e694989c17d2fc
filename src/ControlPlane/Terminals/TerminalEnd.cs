using System.Net.WebSockets;
using ControlPlane.Http;

namespace ControlPlane.Terminals;

/// <summary>The close code and reason of a terminal's WebSocket.</summary>
internal sealed record TerminalEnd(WebSocketCloseStatus Status, string Reason)
{
    public static readonly TerminalEnd ProcessEnded = new(WebSocketCloseStatus.NormalClosure, "");

    public static readonly TerminalEnd ClientClosed = new(WebSocketCloseStatus.NormalClosure, "");

    public static readonly TerminalEnd Stopping = new(WebSocketCloseStatus.EndpointUnavailable, "server is shutting down");

    public static readonly TerminalEnd TextMessage = new(WebSocketCloseStatus.InvalidMessageType, "expected binary messages");

    public static readonly TerminalEnd InvalidInput = new(WebSocketCloseStatus.InvalidPayloadData, "input must be JSON objects in UTF-8");

    public static readonly TerminalEnd InputTooLong = new(WebSocketCloseStatus.MessageTooBig, "an object of input is too long");

    public static readonly TerminalEnd Failed = new(WebSocketCloseStatus.InternalServerError, "internal error");

    /// <summary>The connection is lost, so that no close frame is sent.</summary>
    public static readonly TerminalEnd Lost = new(WebSocketCloseStatus.Empty, "");

    /// <summary>The agent could not be reached, has refused, or was lost.</summary>
    public static TerminalEnd Agent(string message) => new(WebSocketCloseStatus.InternalServerError, CloseReason.Truncate(message));
}
