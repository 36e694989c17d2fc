using Google.Protobuf;

namespace Tailnet.Drpc;

/// <summary>The metadata of an rpc: protobuf <c>map&lt;string,string&gt;</c> in field 1.</summary>
internal static class DrpcMetadata
{
    private const uint EntryTag = (1 << 3) | 2;
    private const uint KeyTag = (1 << 3) | 2;
    private const uint ValueTag = (2 << 3) | 2;

    public static byte[] Encode(IReadOnlyDictionary<string, string> metadata)
    {
        using var stream = new MemoryStream();
        using (var output = new CodedOutputStream(stream))
        {
            foreach (var (key, value) in metadata)
            {
                output.WriteTag(EntryTag);
                output.WriteLength(
                    2 + CodedOutputStream.ComputeStringSize(key) + CodedOutputStream.ComputeStringSize(value));
                output.WriteTag(KeyTag);
                output.WriteString(key);
                output.WriteTag(ValueTag);
                output.WriteString(value);
            }
        }

        return stream.ToArray();
    }

    /// <summary>Decodes metadata; null when the bytes are no such map.</summary>
    public static IReadOnlyDictionary<string, string>? TryDecode(ReadOnlySpan<byte> data)
    {
        try
        {
            var map = new Dictionary<string, string>(StringComparer.Ordinal);
            using var input = new CodedInputStream(data.ToArray());
            uint tag;
            while ((tag = input.ReadTag()) != 0)
            {
                if (tag != EntryTag)
                {
                    input.SkipLastField();
                    continue;
                }

                var (key, value) = DecodeEntry(input.ReadBytes());
                map[key] = value;
            }

            return map;
        }
        catch (InvalidProtocolBufferException)
        {
            return null;
        }
    }

    private static (string Key, string Value) DecodeEntry(ByteString bytes)
    {
        var (key, value) = (string.Empty, string.Empty);
        using var entry = bytes.CreateCodedInput();
        uint tag;
        while ((tag = entry.ReadTag()) != 0)
        {
            switch (tag)
            {
                case KeyTag:
                    key = entry.ReadString();
                    break;
                case ValueTag:
                    value = entry.ReadString();
                    break;
                default:
                    entry.SkipLastField();
                    break;
            }
        }

        return (key, value);
    }
}
