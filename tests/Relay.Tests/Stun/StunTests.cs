using System.Net;
using System.Net.Sockets;
using Relay.Stun;
using Relay.Tests.Streams;

namespace Relay.Tests.Stun;

public sealed class StunTests
{
    private const string Request = "000100142112a4420102030405060708090a0b0c802200087461696c6e6f646580280004b32c370f";
    private static readonly byte[] Transaction = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12];

    [Fact]
    public void TheRequestIsTheVectorAndIsRecognised()
    {
        var buffer = new byte[StunBinding.RequestLength];

        Assert.Equal(buffer.Length, StunBinding.WriteRequest(buffer, Transaction));
        Assert.Equal(Request, Convert.ToHexStringLower(buffer));
        Assert.True(StunBinding.TryReadRequest(buffer, out var transaction));
        Assert.Equal(Transaction, transaction.ToArray());
    }

    [Theory]
    [InlineData("203.0.113.7:41641", "0101000c2112a4420102030405060708090a0b0c00200008000183bbea12d545")]
    [InlineData("[::ffff:203.0.113.7]:41641", "0101000c2112a4420102030405060708090a0b0c00200008000183bbea12d545")]
    [InlineData("[2001:db8::7]:443", "010100182112a4420102030405060708090a0b0c00200014000220a90113a9fa0102030405060708090a0b0b")]
    public void ResponsesAreTheVectorsWithIPv4AsIPv4(string client, string hex)
    {
        var buffer = new byte[StunBinding.MaxResponseLength];

        var response = buffer.AsSpan(0, StunBinding.WriteResponse(buffer, Transaction, IPEndPoint.Parse(client)));

        Assert.Equal(hex, Convert.ToHexStringLower(response));
        Assert.True(StunBinding.TryReadResponse(response, Transaction, out var told));
        Assert.Equal(IPEndPoint.Parse(client.Replace("[::ffff:203.0.113.7]", "203.0.113.7", StringComparison.Ordinal)), told);
    }

    [Fact]
    public void ARequestCutOrFlippedAnywhereIsNone()
    {
        var good = Convert.FromHexString(Request);
        for (var i = 0; i < good.Length; i++)
        {
            Assert.False(StunBinding.TryReadRequest(good.AsSpan(0, i), out _));
            var damaged = good.ToArray();
            damaged[i] ^= 0x10;

            // Also a flipped length in the header, which is not looked at itself: the fingerprint covers it.
            Assert.False(StunBinding.TryReadRequest(damaged, out _));
        }

        Assert.False(StunBinding.TryReadRequest([.. good, 0, 0, 0, 0], out _));
    }

    [Fact]
    public async Task AServerTellsClientsTheirAddressAndIgnoresTheRest()
    {
        using var server = new StunServer([new IPEndPoint(IPAddress.Loopback, 0)]);
        using var client = new UdpClient(new IPEndPoint(IPAddress.Loopback, 0));
        await client.SendAsync(new byte[] { 1, 2, 3 }, server.EndPoints[0]);

        await client.SendAsync(Convert.FromHexString(Request), server.EndPoints[0]);
        var answer = await client.ReceiveAsync().Soon();

        Assert.True(StunBinding.TryReadResponse(answer.Buffer, Transaction, out var told));
        Assert.Equal(client.Client.LocalEndPoint, told);
        Assert.Equal(1, server[StunCount.NotStun]);
        Assert.Equal(1, server[StunCount.IPv4]);
    }
}
