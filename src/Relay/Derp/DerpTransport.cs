using System.IO.Pipelines;
using System.Net;
using Relay.Derp.WebSockets;

namespace Relay.Derp;

/// <summary>A connection that the host accepted and on which DERP begins now.</summary>
/// <param name="input">What the client sends, the bytes behind the HTTP request included. Completed by the relay.</param>
/// <param name="output">Where bytes to the client go. Completed by the relay.</param>
public sealed class DerpTransport(PipeReader input, IDerpOutput output)
{
    /// <summary>What the client sends.</summary>
    public PipeReader Input { get; } = input;

    /// <summary>Where bytes to the client go.</summary>
    public IDerpOutput Output { get; } = output;

    /// <summary>The client's address, or null when it is not known.</summary>
    public IPEndPoint? RemoteEndPoint { get; init; }

    /// <summary>Whether the client said by <c>Ideal-Node</c> that it would rather be elsewhere.</summary>
    public bool IsNotIdeal { get; init; }

    /// <summary>Bytes to send before the ServerKey frame and together with it: the answer to the HTTP upgrade. Empty for fast start.</summary>
    public ReadOnlyMemory<byte> Preface { get; init; }

    /// <summary>
    /// Called when the handshake is done, in which keys are computed with and others are asked: what remains does not keep a socket
    /// thread for long.
    /// </summary>
    public Action? Established { get; init; }

    internal WebSocketInput? WebSocket { get; private init; }

    /// <summary>A connection on which DERP goes in WebSocket messages (derp.md §1.4), after the handshake.</summary>
    /// <param name="input">What the client sends.</param>
    /// <param name="writer">Where bytes to the client go.</param>
    /// <param name="remote">The client's address, or null.</param>
    /// <param name="established">See <see cref="Established"/>.</param>
    public static DerpTransport ForWebSocket(PipeReader input, PipeWriter writer, IPEndPoint? remote, Action? established = null)
    {
        var output = new WebSocketOutput(writer);
        return new DerpTransport(input, output) { RemoteEndPoint = remote, WebSocket = new WebSocketInput(output), Established = established };
    }
}
