using System.Net;
using System.Net.Sockets;
using Relay.Stun;
using Relay.Tests.Derp;

namespace Relay.Tests.Stun;

public sealed class StunMetricsTests
{
    [Theory]
    [InlineData("127.0.0.1", "ipv4", "ipv6")]
    [InlineData("::1", "ipv6", "ipv4")]
    public async Task DatagramsAreCountedByWhatBecameOfThemAndByFamily(string address, string family, string other)
    {
        using var server = new StunServer([new IPEndPoint(IPAddress.Parse(address), 0)]);
        using var metrics = new ReadMetrics(meters => new StunMetrics(meters, server));
        using var client = new UdpClient(new IPEndPoint(IPAddress.Parse(address), 0));
        client.Connect(server.EndPoints[0]);
        var request = new byte[StunBinding.RequestLength];
        StunBinding.WriteRequest(request, "twelve bytes"u8);

        await client.SendAsync(new byte[] { 1, 2, 3 });
        await client.SendAsync(request);
        await client.ReceiveAsync().WaitAsync(TimeSpan.FromSeconds(20));
        await Eventually.TrueAsync(() => metrics["stun_requests disposition=success"] == 1, "the answer is counted");

        Assert.Equal((1, 0, 0), (
            metrics["stun_requests disposition=not_stun"], metrics["stun_requests disposition=read_error"],
            metrics["stun_requests disposition=write_error"]));
        Assert.Equal((1, 0), (metrics[$"stun_addrfamily family={family}"], metrics[$"stun_addrfamily family={other}"]));
    }
}
