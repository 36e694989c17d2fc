using System.Buffers;
using System.Buffers.Binary;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace ControlPlane.Connections.Agents;

/// <summary>
/// The first message to an agent's terminal port (terminal.md): the length as a little-endian u16, then JSON with Go's field names. An
/// agent reads the JSON with one read, so that the message must fit into one TCP segment and one write.
/// </summary>
internal static class PtyInit
{
    /// <summary>The longest JSON in bytes: a segment of 1,220 bytes without its timestamps and the length.</summary>
    public const int MaxJsonBytes = 1_206;

    private const int LengthBytes = 2;

    private static readonly JsonWriterOptions Options = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>The message; null when its JSON is longer than <see cref="MaxJsonBytes"/>.</summary>
    public static byte[]? Write(TerminalRequest request)
    {
        var buffer = new ArrayBufferWriter<byte>(256);
        using (var json = new Utf8JsonWriter(buffer, Options))
        {
            json.WriteStartObject();
            json.WriteString("ID"u8, request.Id);
            json.WriteNumber("Height"u8, request.Height);
            json.WriteNumber("Width"u8, request.Width);
            json.WriteString("Command"u8, request.Command);
            json.WriteString("Container"u8, request.Container);
            json.WriteString("ContainerUser"u8, request.ContainerUser);
            json.WriteString("BackendType"u8, request.BackendType);
            json.WriteEndObject();
        }

        if (buffer.WrittenCount > MaxJsonBytes)
        {
            return null;
        }

        var message = new byte[LengthBytes + buffer.WrittenCount];
        BinaryPrimitives.WriteUInt16LittleEndian(message, (ushort)buffer.WrittenCount);
        buffer.WrittenSpan.CopyTo(message.AsSpan(LengthBytes));
        return message;
    }
}
