using System.Net.WebSockets;
using Tailnet.Ip.Tcp;

namespace ControlPlane.Dialing;

/// <summary>The close code and reason of a TCP connection's WebSocket.</summary>
/// <param name="Status">The close code.</param>
/// <param name="Reason">The reason.</param>
/// <param name="IsOrderly">Whether the agent gets a FIN. Otherwise it gets an RST, so that it does not take a part for the whole.</param>
internal sealed record TcpEnd(WebSocketCloseStatus Status, string Reason, bool IsOrderly = false)
{
    /// <summary>Both directions have ended.</summary>
    public static readonly TcpEnd Completed = new(WebSocketCloseStatus.NormalClosure, "", IsOrderly: true);

    /// <summary>The client has closed with 1000: it sends no more bytes, and wants none.</summary>
    public static readonly TcpEnd ClientClosed = new(WebSocketCloseStatus.NormalClosure, "", IsOrderly: true);

    /// <summary>The client has closed with another code.</summary>
    public static readonly TcpEnd ClientFailed = new(WebSocketCloseStatus.NormalClosure, "");

    public static readonly TcpEnd Stopping = new(WebSocketCloseStatus.EndpointUnavailable, "server is shutting down");

    public static readonly TcpEnd TextMessage = new(WebSocketCloseStatus.InvalidMessageType, "expected binary messages");

    public static readonly TcpEnd BytesAfterEnd = new(WebSocketCloseStatus.ProtocolError, "bytes after an empty message");

    public static readonly TcpEnd Failed = new(WebSocketCloseStatus.InternalServerError, "internal error");

    /// <summary>The connection is lost, so that no close frame is sent.</summary>
    public static readonly TcpEnd Lost = new(WebSocketCloseStatus.Empty, "");

    private static readonly TcpEnd Reset = new(WebSocketCloseStatus.InternalServerError, "connection reset");

    private static readonly TcpEnd AgentRestarted = new(WebSocketCloseStatus.InternalServerError, "agent restarted");

    private static readonly TcpEnd AgentLost = new(WebSocketCloseStatus.InternalServerError, "agent lost");

    /// <summary>The end of a TCP connection that has failed.</summary>
    public static TcpEnd Of(TcpCloseReason reason) => reason switch
    {
        TcpCloseReason.Reset => Reset,
        TcpCloseReason.AgentRestarted => AgentRestarted,
        TcpCloseReason.Stopping => Stopping,
        _ => AgentLost,
    };
}
