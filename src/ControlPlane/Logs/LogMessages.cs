using System.Buffers;
using System.Text.Json;

namespace ControlPlane.Logs;

/// <summary>
/// Serializes lines into messages for followers. Each message is a JSON array and a newline, no longer than clients accept (tailnet.md
/// §1.4). A single line that is longer is a message of its own.
/// </summary>
internal static class LogMessages
{
    public static ReadOnlyMemory<byte> Empty { get; } = "[]\n"u8.ToArray();

    public static IEnumerable<ReadOnlyMemory<byte>> Of(IEnumerable<LogLine> lines, int maxBytes)
    {
        var message = new ArrayBufferWriter<byte>();
        foreach (var line in lines)
        {
            var json = JsonSerializer.SerializeToUtf8Bytes(line, LogsJson.Wire.LogLine);

            // The 3 bytes are the comma before the line, and the bracket and newline at the end.
            if (message.WrittenCount > 0 && message.WrittenCount + json.Length + 3 > maxBytes)
            {
                message.Write("]\n"u8);
                yield return message.WrittenMemory;
                message = new ArrayBufferWriter<byte>();
            }

            message.Write(message.WrittenCount == 0 ? "["u8 : ","u8);
            message.Write(json);
        }

        if (message.WrittenCount > 0)
        {
            message.Write("]\n"u8);
            yield return message.WrittenMemory;
        }
    }
}
