using System.Buffers.Binary;
using Tailnet.Ip.Wire;

namespace Tailnet.Tests.Ip;

public class ChecksumTests
{
    [Fact]
    public void EveryLengthGivesTheSumOfTheNaiveAlgorithm()
    {
        var random = new Random(1);
        for (var length = 0; length <= 1300; length++)
        {
            var bytes = new byte[length];
            random.NextBytes(bytes);
            Assert.Equal(Naive(bytes), Checksum.Finish(Checksum.Add(0, bytes)));
        }
    }

    [Fact]
    public void CarriesOfFullWordsAreNotLost()
    {
        var bytes = new byte[1280];
        bytes.AsSpan().Fill(0xff);
        Assert.Equal(Naive(bytes), Checksum.Finish(Checksum.Add(0, bytes)));
    }

    [Fact]
    public void PiecesOfEvenLengthGiveTheSumOfTheWhole()
    {
        var random = new Random(2);
        var bytes = new byte[1279];
        random.NextBytes(bytes);
        for (var i = 0; i < 1000; i++)
        {
            var cut = 2 * random.Next(640);
            Assert.Equal(Naive(bytes), Checksum.Finish(Checksum.Add(Checksum.Add(0, bytes.AsSpan(0, cut)), bytes.AsSpan(cut))));
        }
    }

    [Fact]
    public void AnUpdatedChecksumIsThatOfTheChangedBytes()
    {
        var random = new Random(3);
        var bytes = new byte[40];
        for (var i = 0; i < 10_000; i++)
        {
            random.NextBytes(bytes);
            var before = Naive(bytes);
            var at = 2 * random.Next(bytes.Length / 2);
            var (old, changed) = (BinaryPrimitives.ReadUInt16BigEndian(bytes.AsSpan(at)), (ushort)random.Next(0x10000));
            BinaryPrimitives.WriteUInt16BigEndian(bytes.AsSpan(at), changed);
            Assert.Equal(Naive(bytes), Checksum.Update(before, old, changed));
        }
    }

    /// <summary>The example of RFC 1071 §3.</summary>
    [Fact]
    public void TheExampleOfTheRfcComesOut() =>
        Assert.Equal(0x220d, Checksum.Finish(Checksum.Add(0, [0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7])));

    internal static ushort Naive(ReadOnlySpan<byte> bytes)
    {
        uint sum = 0;
        for (var i = 0; i < bytes.Length; i += 2)
        {
            sum += (uint)((bytes[i] << 8) | (i + 1 < bytes.Length ? bytes[i + 1] : 0));
            sum = (sum & 0xffff) + (sum >> 16);
        }

        return (ushort)~sum;
    }
}
