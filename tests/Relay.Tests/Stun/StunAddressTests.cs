using System.Net;
using System.Net.NetworkInformation;
using System.Net.Sockets;
using Relay.Stun;
using Relay.Tests.Streams;

namespace Relay.Tests.Stun;

/// <summary>An answer comes from the address that was asked (RFC 8489 §6.3.1.2), whichever the server is bound to.</summary>
public sealed class StunAddressTests
{
    private static readonly string[] LoopbackAddresses = ["127.0.0.1", "127.0.0.2", "127.45.6.7"];

    private static readonly byte[] Transaction = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12];

    [Theory]
    [InlineData("0.0.0.0")]
    [InlineData("::")]
    public async Task AServerOnAnyAddressAnswersFromTheOneThatWasAsked(string bound)
    {
        using var server = new StunServer([new IPEndPoint(IPAddress.Parse(bound), 0)]);
        var asked = Addresses().Where(address => bound == "::" || address.AddressFamily == AddressFamily.InterNetwork).ToArray();
        Assert.True(asked.Length >= 3);

        foreach (var address in asked)
        {
            Assert.Equal(address, await AskAsync(new IPEndPoint(address, server.EndPoints[0].Port)));
        }

        Assert.Equal(asked.Length, server[StunCount.Success]);
        Assert.Equal(asked.Count(static address => address.AddressFamily == AddressFamily.InterNetwork), server[StunCount.IPv4]);
    }

    [Fact]
    public async Task AServerOnOneAddressAnswersFromIt()
    {
        using var server = new StunServer([new IPEndPoint(IPAddress.Parse("127.0.0.2"), 0)]);

        Assert.Equal(IPAddress.Parse("127.0.0.2"), await AskAsync(server.EndPoints[0]));
    }

    [Theory]
    [InlineData("0.0.0.0")]
    [InlineData("::")]
    public async Task WhereTheSystemDoesNotTellDestinationsAnswersComeAllTheSame(string bound)
    {
        using var server = new StunServer([new IPEndPoint(IPAddress.Parse(bound), 0)], static _ => null);

        Assert.Equal(IPAddress.Loopback, await AskAsync(new IPEndPoint(IPAddress.Loopback, server.EndPoints[0].Port)));
    }

    [Theory]
    [InlineData("0.0.0.0")]
    [InlineData("::")]
    public async Task WhatIsNoRequestIsNotAnsweredAndHoldsNothingUp(string bound)
    {
        using var server = new StunServer([new IPEndPoint(IPAddress.Parse(bound), 0)]);
        using var client = new UdpClient(new IPEndPoint(IPAddress.Loopback, 0));
        var target = new IPEndPoint(IPAddress.Loopback, server.EndPoints[0].Port);
        foreach (var length in new[] { 0, 3, 39, 1500, 20_000 })
        {
            await client.SendAsync(new byte[length], target);
        }

        Assert.Equal(IPAddress.Parse("127.0.0.3"), await AskAsync(new IPEndPoint(IPAddress.Parse("127.0.0.3"), target.Port)));
        Assert.Equal(5, server[StunCount.NotStun]);
        Assert.Equal(0, server[StunCount.ReadError]);
    }

    /// <summary>Where the answer comes from.</summary>
    private static async Task<IPAddress> AskAsync(IPEndPoint server)
    {
        using var client = new Socket(server.AddressFamily, SocketType.Dgram, ProtocolType.Udp);
        var any = server.AddressFamily == AddressFamily.InterNetwork ? IPAddress.Any : IPAddress.IPv6Any;
        client.Bind(new IPEndPoint(any, 0));
        var request = new byte[StunBinding.RequestLength];
        StunBinding.WriteRequest(request, Transaction);
        await client.SendToAsync(request, server);
        var response = new byte[StunBinding.MaxResponseLength];
        var answer = await client.ReceiveFromAsync(response, new IPEndPoint(any, 0)).WaitAsync(SoonExtensions.Guard);
        Assert.True(StunBinding.TryReadResponse(response.AsSpan(0, answer.ReceivedBytes), Transaction, out var told));
        Assert.Equal(((IPEndPoint)client.LocalEndPoint!).Port, told!.Port);
        return ((IPEndPoint)answer.RemoteEndPoint).Address;
    }

    // All of 127.0.0.0/8 are this machine's; the others are what it has, link-local ones with their scopes among them.
    private static IEnumerable<IPAddress> Addresses() => LoopbackAddresses.Select(IPAddress.Parse)
        .Concat(NetworkInterface.GetAllNetworkInterfaces()
            .Where(static link => link.OperationalStatus is OperationalStatus.Up or OperationalStatus.Unknown)
            .SelectMany(static link => link.GetIPProperties().UnicastAddresses)
            .Select(static unicast => unicast.Address))
        .Distinct();
}
