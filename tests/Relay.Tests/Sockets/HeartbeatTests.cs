using Sockets;

namespace Relay.Tests.Sockets;

public sealed class HeartbeatTests : IDisposable
{
    private static readonly TimeSpan Period = TimeSpan.FromSeconds(1);

    private readonly ManualTimeProvider _time = new();
    private readonly List<string> _beaten = [];
    private readonly List<string> _failed = [];
    private readonly Heartbeat<string> _heartbeat;
    private Action<string> _onBeat = static _ => { };

    public HeartbeatTests() =>
        _heartbeat = new Heartbeat<string>(Period, _time, OnBeat, (member, fault) => _failed.Add($"{member} {fault.Message}"));

    public void Dispose() => _heartbeat.Dispose();

    [Fact]
    public void EachMemberIsCalledOnceAPeriod()
    {
        _heartbeat.Add("a");
        _heartbeat.Add("b");
        _heartbeat.Add("a");
        _time.Advance(Period - TimeSpan.FromTicks(1));
        Assert.Empty(_beaten);
        _time.Advance(TimeSpan.FromTicks(1));
        Assert.Equal(["a", "b"], _beaten.Order());
        _time.Advance(Period);
        Assert.Equal(["a", "a", "b", "b"], _beaten.Order());
        Assert.Equal(2, _heartbeat.Count);
        Assert.Equal(["a", "b"], _heartbeat.ToArray().Order());
    }

    [Fact]
    public void WithoutMembersThereIsNoTimer()
    {
        Assert.Equal(0, _time.PendingTimers);
        _heartbeat.Add("a");
        Assert.Equal(1, _time.PendingTimers);
        _heartbeat.Remove("b");
        Assert.Equal(1, _time.PendingTimers);
        _heartbeat.Remove("a");
        Assert.Equal(0, _time.PendingTimers);
        _heartbeat.Add("c");
        _time.Advance(Period);
        Assert.Equal(["c"], _beaten);
    }

    [Fact]
    public void ABeatHasTheTimestampOfItsBegin()
    {
        var begin = _time.GetTimestamp();
        var times = new List<long>();
        using var heartbeat = new Heartbeat<string>(Period, _time, (_, now) => times.Add(now), static (_, _) => { });
        heartbeat.Add("a");
        heartbeat.Add("b");
        _time.Advance(Period);
        Assert.Equal([begin + Period.Ticks, begin + Period.Ticks], times);
    }

    [Fact]
    public void AFaultOfOneMemberIsReportedAndTheOthersAreCalled()
    {
        _onBeat = static member => throw (member == "a" ? new InvalidOperationException("broken") : new IOException("gone"));
        _heartbeat.Add("a");
        _heartbeat.Add("b");
        _time.Advance(Period + Period);
        Assert.Equal(["a broken", "a broken", "b gone", "b gone"], _failed.Order());
    }

    [Fact]
    public void ABeatThatIsDueWhileAnotherRunsIsSkipped()
    {
        _onBeat = _ => _heartbeat.Beat();
        _heartbeat.Add("a");
        _heartbeat.Beat();
        Assert.Equal(["a"], _beaten);
        _heartbeat.Beat();
        Assert.Equal(["a", "a"], _beaten);
    }

    [Fact]
    public void MembersMayChangeDuringABeat()
    {
        _onBeat = member =>
        {
            _heartbeat.Remove(member);
            _heartbeat.Add("c");
        };
        _heartbeat.Add("a");
        _heartbeat.Add("b");
        _heartbeat.Beat();
        Assert.Equal(["a", "b"], _beaten.Order());
        Assert.Equal(["c"], _heartbeat.ToArray());
    }

    [Fact]
    public void ADisposedHeartbeatHasNoTimer()
    {
        _heartbeat.Add("a");
        _heartbeat.Dispose();
        _time.Advance(Period);
        Assert.Empty(_beaten);
    }

    private void OnBeat(string member, long now)
    {
        _beaten.Add(member);
        _onBeat(member);
    }
}
