using System.Buffers.Binary;

namespace Relay.Tests.Streams;

/// <summary>Builds WebSocket frames.</summary>
internal static class Frames
{
    public const byte Text = 1;
    public const byte Binary = 2;
    public const byte Close = 8;
    public const byte Ping = 9;

    public static byte[] Make(byte opcode, int length, bool masked, bool final = true, int lengthBytes = 0, byte reserved = 0)
    {
        var payload = new byte[length];
        for (var i = 0; i < length; i++)
        {
            payload[i] = (byte)(i * 31);
        }

        return Make(opcode, payload, masked, final, lengthBytes, reserved);
    }

    public static byte[] Make(byte opcode, byte[] payload, bool masked, bool final = true, int lengthBytes = 0, byte reserved = 0)
    {
        var bytes = new List<byte> { (byte)((final ? 0x80 : 0) | (reserved << 4) | opcode) };
        var mask = masked ? 0x80 : 0;
        if (lengthBytes == 8 || payload.Length > ushort.MaxValue)
        {
            var length = new byte[8];
            BinaryPrimitives.WriteInt64BigEndian(length, payload.Length);
            bytes.Add((byte)(mask | 127));
            bytes.AddRange(length);
        }
        else if (lengthBytes == 2 || payload.Length > 125)
        {
            bytes.Add((byte)(mask | 126));
            bytes.Add((byte)(payload.Length >> 8));
            bytes.Add((byte)payload.Length);
        }
        else
        {
            bytes.Add((byte)(mask | payload.Length));
        }

        byte[] key = [0x11, 0x22, 0x33, 0x44];
        if (masked)
        {
            bytes.AddRange(key);
        }

        bytes.AddRange(payload.Select((value, at) => masked ? (byte)(value ^ key[at & 3]) : value));
        return [.. bytes];
    }

    public static byte[] CloseWith(ushort code, bool masked) => Make(Close, [(byte)(code >> 8), (byte)code], masked);
}
