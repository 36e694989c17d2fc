using System.Buffers;
using System.Text.Json;

namespace ControlPlane.Logs;

/// <summary>Cuts lines into messages for followers, each a JSON array and a newline and none longer than a client reads (tailnet.md §1.4).</summary>
internal static class LogMessages
{
    public static ReadOnlyMemory<byte> Empty { get; } = "[]\n"u8.ToArray();

    public static IEnumerable<ReadOnlyMemory<byte>> Of(IEnumerable<LogLine> lines, int maxBytes)
    {
        var message = new ArrayBufferWriter<byte>();
        foreach (var line in lines)
        {
            var json = JsonSerializer.SerializeToUtf8Bytes(line, LogsJson.Wire.LogLine);

            // A comma or bracket before it, and the bracket and newline at the end.
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
