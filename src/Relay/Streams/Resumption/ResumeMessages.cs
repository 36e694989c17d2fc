using System.Text;
using Relay.Streams.Wire;

namespace Relay.Streams.Resumption;

/// <summary>What a terminal's client is told of an outage: on its screen, and by the close when nothing follows.</summary>
internal static class ResumeMessages
{
    private const ushort ServiceRestart = 1012;
    private const ushort Normal = 1000;

    private static readonly byte[] NoServer = Encoding.ASCII.GetBytes("no API server took the terminal over in time");
    private static readonly byte[] Refusal = Encoding.ASCII.GetBytes("the API server refused the terminal: connect again");

    private static readonly byte[] ShellGone =
        Encoding.ASCII.GetBytes("no API server that is up has the terminal's shell: connect again for a new one");

    public static byte[] Paused { get; } = Encoding.ASCII.GetBytes("\x18\x1b[0m\r\n[connection to the server lost: paused, typing is discarded]\r\n");

    /// <summary>Reset first, as a client does that connects again: the server's replay shows the screen anew.</summary>
    public static byte[] Resumed { get; } = Encoding.ASCII.GetBytes("\x18\x1b" + "c[connection resumed]\r\n");

    /// <summary>Nothing is reset: the last screen of the shell stays to be read.</summary>
    public static byte[] Gone { get; } = Encoding.ASCII.GetBytes("[the shell is gone: no API server that is up has it]\r\n");

    /// <summary>Writes the close frame, and says how long it is.</summary>
    /// <param name="room">At least <see cref="CloseFrame.MaxSize"/>.</param>
    /// <param name="result">How attaching ended; null when no server was found, or not looked for.</param>
    /// <param name="hasLeft">Whether the client itself has ended.</param>
    public static int WriteClose(Span<byte> room, AttachResult? result, bool hasLeft) =>
        result is AttachResult.Refused ? CloseFrame.Write(room, ServiceRestart, Refusal)
        : result is AttachResult.Gone ? CloseFrame.Write(room, ServiceRestart, ShellGone)
        : hasLeft ? CloseFrame.Write(room, Normal, [])
        : CloseFrame.Write(room, ServiceRestart, NoServer);
}
