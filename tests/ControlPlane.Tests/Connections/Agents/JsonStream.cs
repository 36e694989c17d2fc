using System.Text.Json;

namespace ControlPlane.Tests.Connections.Agents;

/// <summary>Reads JSON objects that follow each other without a boundary, as Go's decoder does.</summary>
internal sealed class JsonStream(Stream stream)
{
    private readonly byte[] _buffer = new byte[128 * 1024];
    private int _length;

    public async Task<JsonElement> ReadAsync()
    {
        while (true)
        {
            if (TryRead(out var value))
            {
                return value;
            }

            var count = await stream.ReadAsync(_buffer.AsMemory(_length));
            Assert.True(count > 0, "the stream has ended");
            _length += count;
        }
    }

    private bool TryRead(out JsonElement value)
    {
        value = default;
        var reader = new Utf8JsonReader(_buffer.AsSpan(0, _length), isFinalBlock: false, default);
        if (!JsonDocument.TryParseValue(ref reader, out var document))
        {
            return false;
        }

        value = document.RootElement.Clone();
        var consumed = (int)reader.BytesConsumed;
        _buffer.AsSpan(consumed, _length - consumed).CopyTo(_buffer);
        _length -= consumed;
        return true;
    }
}
