using System.Net;
using System.Net.Security;
using System.Text;
using Edge.Listeners;
using Edge.Settings;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Configuration;
using Relay.Connections;

namespace Edge.Tests.Listeners;

public class EdgeConnectionsTests
{
    private const string Get = "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    private static readonly TimeSpan Guard = TimeSpan.FromSeconds(20);
    private static readonly TrustedProxySet Loopback = new([IPNetwork.Parse("127.0.0.0/8")]);

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task AConnectionOverTheTotalIsClosedAndItsPlaceIsFreeAgainAfterAnotherEnds()
    {
        await using var host = await StartAsync(new EdgeConnectionOptions { MaxConnections = 2 });
        await using var first = await HoldAsync(host);
        var second = await HoldAsync(host);

        await AssertClosedAsync(host);
        Assert.Contains("edge.connections.refused/total", host.Counted);
        await second.DisposeAsync();
        await UntilAsync(() => host.Connections.Counter.Total == 1);

        await using var third = await HoldAsync(host);
        Assert.Equal(2, host.Connections.Counter.Total);
    }

    [Fact]
    public async Task AnAddressOverItsLimitIsRefusedAndAnnouncedClientsAreCountedEach()
    {
        await using var host = await StartAsync(new EdgeConnectionOptions { MaxConnectionsPerAddress = 1, TrustedProxies = Loopback });
        await using var a = await HoldAsync(host, "PROXY TCP4 192.0.2.1 127.0.0.1 1 2\r\n");
        await using var b = await HoldAsync(host, "PROXY TCP4 192.0.2.2 127.0.0.1 1 2\r\n");
        await using var proxy = await HoldAsync(host);
        await using var again = await HoldAsync(host, "PROXY UNKNOWN\r\n");

        await AssertClosedAsync(host, "PROXY TCP4 192.0.2.1 127.0.0.1 3 2\r\n");

        Assert.Contains("edge.connections.refused/address", host.Counted);
        Assert.Equal(2, host.Connections.Counter.Addresses);
    }

    [Fact]
    public async Task AnAddressWithoutAProxyIsLimitedOnAcceptance()
    {
        await using var host = await StartAsync(new EdgeConnectionOptions { MaxConnectionsPerAddress = 1 });
        var first = await HoldAsync(host);
        await AssertClosedAsync(host);
        await first.DisposeAsync();
        await UntilAsync(() => host.Connections.Counter.Addresses == 0);
        await using var second = await HoldAsync(host);
    }

    [Fact]
    public async Task ATrustedProxysHeaderSetsTheAddresses()
    {
        await using var host = await StartAsync(new EdgeConnectionOptions { TrustedProxies = Loopback });
        Assert.Contains(
            "192.0.2.1 56324\r\n",
            await host.ExchangeAsync("PROXY TCP4 192.0.2.1 198.51.100.2 56324 443\r\n" + Get),
            StringComparison.Ordinal);
        var binary = Encoding.Latin1.GetString(ProxyHeaderTests.Binary(0x21, 0x11, [.. ProxyHeaderTests.V4(), .. new byte[3000]]));
        Assert.Contains("192.0.2.1 56324\r\n", await host.ExchangeAsync(binary + Get), StringComparison.Ordinal);
        Assert.Contains("\r\n127.0.0.1 ", await host.ExchangeAsync("PROXY UNKNOWN\r\n" + Get), StringComparison.Ordinal);
        Assert.Contains("\r\n127.0.0.1 ", await host.ExchangeAsync(Get), StringComparison.Ordinal);
    }

    [Fact]
    public async Task ATrustedProxysHeaderComesBeforeTls()
    {
        await using var host = await StartAsync(new EdgeConnectionOptions { TrustedProxies = Loopback }, tls: true);
        var plain = await host.ConnectAsync();
        await plain.WriteAsync("PROXY TCP4 192.0.2.1 198.51.100.2 56324 443\r\n"u8.ToArray(), Cancel);
        await using var tls = new SslStream(plain);
        await AccessHost.AuthenticateAsync(tls);
        await tls.WriteAsync(Encoding.ASCII.GetBytes(Get), Cancel);

        Assert.Contains("192.0.2.1 56324\r\n", await AccessHost.ReadToEndAsync(tls), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("PROXY TCP4 192.0.2.1 198.51.100.2 56324 443\r\n")]
    [InlineData("\r\n\r\n\0\r\nQUIT\n")]
    public async Task AForgedHeaderFromAnyoneElseIsABadRequest(string forged)
    {
        await using var host = await StartAsync(new EdgeConnectionOptions { TrustedProxies = new([IPNetwork.Parse("10.0.0.0/8")]) });
        Assert.StartsWith("HTTP/1.1 400", await host.ExchangeAsync(forged + Get), StringComparison.Ordinal);
    }

    [Fact]
    public async Task AWrongHeaderFromATrustedProxyEndsTheConnection()
    {
        await using var host = await StartAsync(new EdgeConnectionOptions { TrustedProxies = Loopback });
        await AssertClosedAsync(host, "PROXY TCP4 nonsense\r\n");
        Assert.Contains("edge.connections.refused/proxy_header", host.Counted);
    }

    [Fact]
    public async Task ATrustedProxyThatSaysNothingIsGivenUp()
    {
        var time = new ManualTimeProvider();
        await using var host = await StartAsync(new EdgeConnectionOptions { TrustedProxies = Loopback }, time: time);
        await using var stream = await host.ConnectAsync();
        await stream.WriteAsync("PRO"u8.ToArray(), Cancel);
        await UntilAsync(() => host.Connections.Counter.Total == 1 && time.PendingTimers == 1);

        time.Advance(TimeSpan.FromSeconds(11));

        await AssertEndAsync(stream);
        await UntilAsync(() => host.Connections.Counter.Total == 0);
    }

    [Fact]
    public void AddressesCountByNetwork()
    {
        static AddressKey Key(string address) => new(IPAddress.Parse(address));
        Assert.Equal(Key("192.0.2.1"), Key("::ffff:192.0.2.1"));
        Assert.NotEqual(Key("192.0.2.1"), Key("192.0.2.2"));
        Assert.Equal(Key("2001:db8:0:1::1"), Key("2001:db8:0:1:ffff::9"));
        Assert.NotEqual(Key("2001:db8:0:1::1"), Key("2001:db8:0:2::1"));
        Assert.NotEqual(Key("::1"), Key("0.0.0.1"));
    }

    [Fact]
    public void TrustedProxiesAreAddressesAndNetworks()
    {
        var set = Read(
            ("Edge:TrustedProxies:0", "10.0.0.0/8"),
            ("Edge:TrustedProxies:1", "::ffff:192.0.2.0/120"),
            ("Edge:TrustedProxies:2", "2001:db8::7")).TrustedProxies;
        Assert.True(set.Contains(IPAddress.Parse("10.1.2.3")));
        Assert.True(set.Contains(IPAddress.Parse("::ffff:10.1.2.3")));
        Assert.True(set.Contains(IPAddress.Parse("192.0.2.77")));
        Assert.True(set.Contains(IPAddress.Parse("2001:db8::7")));
        Assert.False(set.Contains(IPAddress.Parse("2001:db8::8")));
        Assert.False(set.Contains(IPAddress.Parse("11.0.0.1")));
        Assert.False(set.Contains(null));
    }

    [Theory]
    [InlineData("Edge:TrustedProxies:0", "10")]
    [InlineData("Edge:TrustedProxies:0", "proxy.example")]
    [InlineData("Edge:TrustedProxies:0", "10.0.0.0/33")]
    [InlineData("Edge:Limits:MaxConnectionsPerAddress", "999")]
    [InlineData("Edge:Limits:MaxConnections", "-1")]
    public void AWrongSettingIsNamed(string name, string value)
    {
        var error = Assert.Throws<SettingsException>(() => Read((name, value)));
        Assert.Contains(value, error.Message, StringComparison.Ordinal);
        Assert.StartsWith(name.Replace(":0", string.Empty, StringComparison.Ordinal), error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void ZeroMeansNoLimit()
    {
        var options = Read(("Edge:Limits:MaxConnections", "0"), ("Edge:Limits:MaxConnectionsPerAddress", "0"));
        var counter = new ConnectionCounter(options.MaxConnections, options.MaxConnectionsPerAddress);
        Assert.All(Enumerable.Range(0, 5000), _ => Assert.True(counter.TryEnterTotal() && counter.TryEnterAddress(IPAddress.Loopback)));
    }

    private static EdgeConnectionOptions Read(params (string Name, string Value)[] settings) =>
        EdgeConnectionOptions.Read(new SettingsReader(
            new ConfigurationBuilder().AddInMemoryCollection(settings.ToDictionary(s => s.Name, s => (string?)s.Value)).Build()));

    private static Task<AccessHost> StartAsync(EdgeConnectionOptions options, bool tls = false, TimeProvider? time = null) =>
        AccessHost.StartAsync(
            pipeline: app =>
                app.Run(context => context.Response.WriteAsync($"{context.Connection.RemoteIpAddress} {context.Connection.RemotePort}")),
            connections: options,
            tls: tls,
            time: time);

    /// <summary>A connection that has had one answer and stays open.</summary>
    private static async Task<Stream> HoldAsync(AccessHost host, string prefix = "")
    {
        var stream = await host.ConnectAsync();
        await stream.WriteAsync(Encoding.ASCII.GetBytes(prefix + "GET / HTTP/1.1\r\nHost: x\r\n\r\n"));
        Assert.Equal("HTTP/1.1 200", await AccessHost.ReadExactlyAsync(stream, "HTTP/1.1 200".Length));
        return stream;
    }

    private static async Task AssertClosedAsync(AccessHost host, string first = "")
    {
        try
        {
            await using var stream = await host.ConnectAsync();
            await stream.WriteAsync(Encoding.ASCII.GetBytes(first));
            await AssertEndAsync(stream);
        }
        catch (Exception e) when (e is System.Net.Sockets.SocketException or IOException)
        {
            // The reset may arrive before the connect returns or before the first write.
            Assert.IsType<System.Net.Sockets.SocketException>(e as System.Net.Sockets.SocketException ?? e.InnerException);
        }
    }

    private static async Task AssertEndAsync(Stream stream)
    {
        try
        {
            Assert.Equal(0, await stream.ReadAsync(new byte[1]).AsTask().WaitAsync(Guard));
        }
        catch (IOException e)
        {
            Assert.IsType<System.Net.Sockets.SocketException>(e.InnerException);
        }
    }

    private static async Task UntilAsync(Func<bool> condition)
    {
        using var guard = new CancellationTokenSource(Guard);
        while (!condition())
        {
            guard.Token.ThrowIfCancellationRequested();
            await Task.Yield();
        }
    }
}
