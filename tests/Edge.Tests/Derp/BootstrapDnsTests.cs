using System.Collections.Concurrent;
using System.Diagnostics.Metrics;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Edge.Derp.Bootstrap;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging.Abstractions;

namespace Edge.Tests.Derp;

public class BootstrapDnsTests
{
    [Fact]
    public async Task TheAnswerIsDerpersAndNamesThatFailKeepWhatWasKnown()
    {
        var clock = new ManualTimeProvider();
        var asked = new ConcurrentQueue<string>();
        var (refuses, round) = (false, 1);
        await using var provider = new ServiceCollection().AddMetrics().BuildServiceProvider();
        await using var dns = new BootstrapDns(
            new BootstrapDnsSettings(["b.example.com", "a.example.com"], TimeSpan.FromMinutes(10)),
            clock,
            provider.GetRequiredService<IMeterFactory>(),
            NullLogger<BootstrapDns>.Instance,
            (name, _) =>
            {
                asked.Enqueue(name);
                return refuses && name[0] == 'a'
                    ? Task.FromException<IPAddress[]>(new SocketException((int)SocketError.HostNotFound))
                    : Task.FromResult(new[] { IPAddress.Parse($"192.0.2.{round}") });
            });
        Assert.True(dns.Answer(null).IsEmpty);

        dns.Start();
        await Eventually.TrueAsync(() => clock.PendingTimers > 0 && !dns.Answer(null).IsEmpty, "the first look-up is done");
        Assert.Equal("{\n\t\"a.example.com\": [\n\t\t\"192.0.2.1\"\n\t],\n\t\"b.example.com\": [\n\t\t\"192.0.2.1\"\n\t]\n}", Text());
        clock.Advance(TimeSpan.FromMinutes(9));
        Assert.Equal(2, asked.Count);
        (refuses, round) = (true, 2);
        clock.Advance(TimeSpan.FromMinutes(1));

        await Eventually.TrueAsync(() => Text().Contains("192.0.2.2", StringComparison.Ordinal), "the second look-up is done");
        Assert.Equal("{\n\t\"a.example.com\": [\n\t\t\"192.0.2.1\"\n\t],\n\t\"b.example.com\": [\n\t\t\"192.0.2.2\"\n\t]\n}", Text());

        string Text() => Encoding.UTF8.GetString(dns.Answer("a.example.com").Span);
    }

    [Fact]
    public async Task ALookUpThatHangsIsGivenUpAndDoesNotHoldTheStop()
    {
        var clock = new ManualTimeProvider();
        await using var provider = new ServiceCollection().AddMetrics().BuildServiceProvider();
        var hung = new TaskCompletionSource<CancellationToken>();
        var dns = new BootstrapDns(
            new BootstrapDnsSettings(["a.example.com"], TimeSpan.FromMinutes(10)),
            clock,
            provider.GetRequiredService<IMeterFactory>(),
            NullLogger<BootstrapDns>.Instance,
            async (_, cancellation) =>
            {
                hung.TrySetResult(cancellation);
                await Task.Delay(Timeout.Infinite, cancellation);
                return [];
            });
        dns.Start();
        var token = await hung.Task;

        clock.Advance(TimeSpan.FromMinutes(1));
        Assert.True(token.IsCancellationRequested);
        await Eventually.TrueAsync(
            () => Encoding.UTF8.GetString(dns.Answer(null).Span) == "{}" && clock.PendingTimers > 0, "the round is over");
        clock.Advance(TimeSpan.FromMinutes(10));

        await dns.DisposeAsync().AsTask().WaitAsync(TimeSpan.FromSeconds(20));
    }
}
