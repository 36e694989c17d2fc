using System.Text;
using Relay.Derp.Wire;

namespace Relay.Tests.Derp.Wire;

public sealed class ClientInfoTests
{
    [Theory]
    [InlineData("{}", 0, null, false, false)]
    [InlineData("{\"Version\":2,\"MeshKey\":\"k\"}", 2, "k", false, false)]
    [InlineData("{\"version\":2,\"meshKey\":\"k\",\"CanAckPings\":true}", 2, "k", true, false)]
    [InlineData("{\"CANACKPINGS\":true,\"isprober\":true,\"AppName\":\"x\",\"new\":{\"a\":[1,2]}}", 0, null, true, true)]
    [InlineData("{\"version\":1,\"VERSION\":2,\"CanAckPings\":null}", 2, null, false, false)]
    public void NamesAreReadInAnyCaseAndUnknownOnesIgnored(string json, int version, string? meshKey, bool acks, bool prober) =>
        Assert.Equal(new ClientInfo(version, meshKey, acks, prober), Parse(json));

    [Theory]
    [InlineData("")]
    [InlineData("[]")]
    [InlineData("{\"version\":\"2\"}")]
    [InlineData("{\"version\":99999999999}")]
    [InlineData("{\"CanAckPings\":1}")]
    [InlineData("{\"meshKey\":null}")]
    [InlineData("{\"meshKey\":5}")]
    [InlineData("{\"meshKey\":\"\\ud800\"}")]
    [InlineData("{\"version\":2}x")]
    [InlineData("{\"version\":2}{}")]
    [InlineData("{\"version\":2")]
    public void OtherJsonIsRefused(string json) => Assert.Null(Parse(json));

    [Fact]
    public void AnyBytesAreReadWithoutAnException()
    {
        var random = new Random(7);
        var good = Encoding.UTF8.GetBytes("{\"version\":2,\"meshKey\":\"\\u00e9é\",\"CanAckPings\":true,\"x\":[{}]}");
        for (var i = 0; i < 20_000; i++)
        {
            var bytes = good.ToArray();
            for (var flips = random.Next(1, 4); flips > 0; flips--)
            {
                bytes[random.Next(bytes.Length)] = (byte)random.Next(256);
            }

            ClientInfo.Parse(bytes.AsSpan(0, random.Next(bytes.Length + 1)));
        }
    }

    [Theory]
    [InlineData(Vectors.MeshKey, true)]
    [InlineData("", false)]
    [InlineData("0123", false)]
    [InlineData(Vectors.MeshKey + "0", false)]
    [InlineData("g123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef", false)]
    public void AMeshKeyOfADerpServerIs64HexDigits(string text, bool good) => Assert.Equal(good, MeshKey.IsWellFormed(text));

    private static ClientInfo? Parse(string json) => ClientInfo.Parse(Encoding.UTF8.GetBytes(json));
}
