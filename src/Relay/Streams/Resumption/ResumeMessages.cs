using System.Text;
using Relay.Streams.Wire;

namespace Relay.Streams.Resumption;

/// <summary>The messages of an outage to a terminal's client: texts on the screen, and the close frame if no server follows.</summary>
internal static class ResumeMessages
{
    private const ushort ServiceRestart = 1012;
    private const ushort Normal = 1000;

    private static readonly byte[] NoServer = Encoding.ASCII.GetBytes("no API server took the terminal over in time");
    private static readonly byte[] Refusal = Encoding.ASCII.GetBytes("the API server refused the terminal: connect again");

    private static readonly byte[] ShellGone =
        Encoding.ASCII.GetBytes("no API server that is up has the terminal's shell: connect again for a new one");

    public static byte[] Paused { get; } =
        Encoding.ASCII.GetBytes("\x18\x1b[0m\r\n[connection to the server lost: paused, typing is discarded]\r\n");

    /// <summary>Begins with a terminal reset, as for a client that connects again: the server's replay redraws the screen.</summary>
    public static byte[] Resumed { get; } = Encoding.ASCII.GetBytes("\x18\x1b" + "c[connection resumed]\r\n");

    /// <summary>Does not reset the terminal: the last screen of the shell stays readable.</summary>
    public static byte[] Gone { get; } = Encoding.ASCII.GetBytes("[the shell is gone: no API server that is up has it]\r\n");

    /// <summary>Writes the close frame and returns its size in bytes.</summary>
    /// <param name="destination">At least <see cref="CloseFrame.MaxSize"/> bytes.</param>
    /// <param name="result">The result of the attachment; null when no server was found or sought.</param>
    /// <param name="clientEnded">Whether the client has closed or ended its bytes.</param>
    public static int WriteClose(Span<byte> destination, AttachResult? result, bool clientEnded) =>
        result is AttachResult.Refused ? CloseFrame.Write(destination, ServiceRestart, Refusal)
        : result is AttachResult.Gone ? CloseFrame.Write(destination, ServiceRestart, ShellGone)
        : clientEnded ? CloseFrame.Write(destination, Normal, [])
        : CloseFrame.Write(destination, ServiceRestart, NoServer);
}
