using System.IO.Pipelines;
using System.Net;
using Relay.Derp.WebSockets;

namespace Relay.Derp;

/// <summary>A connection that the host has accepted and on which DERP begins.</summary>
/// <param name="input">The client's bytes, from the first one after the HTTP request. The relay completes it.</param>
/// <param name="output">The output to the client. The relay completes it.</param>
public sealed class DerpTransport(PipeReader input, IDerpOutput output)
{
    /// <summary>The client's bytes, from the first one after the HTTP request.</summary>
    public PipeReader Input { get; } = input;

    /// <summary>The output to the client.</summary>
    public IDerpOutput Output { get; } = output;

    /// <summary>The client's address, or null if unknown.</summary>
    public IPEndPoint? RemoteEndPoint { get; init; }

    /// <summary>Whether the client's header <c>Ideal-Node</c> names another server.</summary>
    public bool IsNotIdeal { get; init; }

    /// <summary>
    /// The answer to the HTTP upgrade, which the relay sends in one write with the ServerKey frame. Empty for fast start (derp.md §1.3).
    /// </summary>
    public ReadOnlyMemory<byte> Preface { get; init; }

    /// <summary>
    /// Called after the handshake. The handshake computes with keys and asks for admission, which takes long; the work after it is short
    /// enough for a socket thread.
    /// </summary>
    public Action? Established { get; init; }

    /// <summary>
    /// Whether the client runs in this process. It takes no place under the limits of connections, and admission does not decide about it.
    /// </summary>
    internal bool IsInProcess { get; init; }

    internal WebSocketInput? WebSocket { get; private init; }

    /// <summary>Creates a transport that carries DERP in WebSocket messages (derp.md §1.4), after the WebSocket handshake.</summary>
    /// <param name="input">The client's bytes.</param>
    /// <param name="writer">The output to the client.</param>
    /// <param name="remote">The client's address, or null.</param>
    /// <param name="established">See <see cref="Established"/>.</param>
    public static DerpTransport ForWebSocket(PipeReader input, PipeWriter writer, IPEndPoint? remote, Action? established = null)
    {
        var output = new WebSocketOutput(writer);
        return new DerpTransport(input, output)
        {
            RemoteEndPoint = remote,
            WebSocket = new WebSocketInput(output),
            Established = established,
        };
    }
}
