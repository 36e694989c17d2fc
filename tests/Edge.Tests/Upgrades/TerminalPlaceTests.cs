using Edge.Upgrades;
using Yarp.ReverseProxy.Model;

namespace Edge.Tests.Upgrades;

/// <summary>When a terminal leaves an API server whose connection stands, and whom it asks next.</summary>
public sealed class TerminalPlaceTests
{
    [Fact]
    public void OnlyAServerThatWasWellFallsIllAndOnlyOnce()
    {
        var server = new DestinationState("one");
        var place = new TerminalPlace(server);
        Assert.False(place.BecameUnhealthy());
        server.Health.Active = DestinationHealth.Unhealthy;
        Assert.False(place.BecameUnhealthy());
        server.Health.Active = DestinationHealth.Healthy;
        Assert.False(place.BecameUnhealthy());
        server.Health.Active = DestinationHealth.Unhealthy;
        Assert.True(place.BecameUnhealthy());
        Assert.False(place.BecameUnhealthy());
        server.Health.Active = DestinationHealth.Healthy;
        Assert.False(place.BecameUnhealthy());
        server.Health.Active = DestinationHealth.Unhealthy;
        Assert.True(place.BecameUnhealthy());
    }

    [Fact]
    public void OneThatWasWellWhenItTookTheTerminalFallsIllEvenBeforeItIsLookedAt()
    {
        var first = new DestinationState("one") { Health = { Active = DestinationHealth.Healthy } };
        var place = new TerminalPlace(first);
        first.Health.Active = DestinationHealth.Unhealthy;
        Assert.True(place.BecameUnhealthy());

        // One that is only just back counts as ill until its next probe.
        var second = new DestinationState("two") { Health = { Active = DestinationHealth.Unhealthy } };
        place.MoveTo(second);
        Assert.False(place.BecameUnhealthy());
        Assert.Same(second, place.Destination);
    }

    [Fact]
    public void RoundsAreCountedAnewWithEachServer()
    {
        var place = new TerminalPlace(new DestinationState("one"));
        Assert.Equal((0, 1, 2), (place.NextRound(), place.NextRound(), place.NextRound()));
        place.MoveTo(new DestinationState("two"));
        Assert.Equal(0, place.NextRound());
    }

    [Fact]
    public void TheOneThatWasLostIsAskedLastAndTheOthersByChance()
    {
        var servers = Enumerable.Range(0, 4).Select(static i => new DestinationState($"{i}")).ToArray();
        var firsts = new HashSet<string>();
        for (var i = 0; i < 500; i++)
        {
            var order = Ids(TerminalResumption.InOrder(servers, servers[1]));
            Assert.Equal(["0", "1", "2", "3"], order.Order());
            Assert.Equal("1", order[^1]);
            firsts.Add(order[0]);
        }

        Assert.Equal(["0", "2", "3"], firsts.Order());
        Assert.Equal(["2"], Ids(TerminalResumption.InOrder([servers[2]], servers[1])));
        Assert.Empty(Ids(TerminalResumption.InOrder([], servers[1])));
    }

    private static string[] Ids(IEnumerable<DestinationState> servers) => [.. servers.Select(static server => server.DestinationId)];
}
