using Relay.Derp;

namespace Relay.Tests.Derp;

public class ReasonTests
{
    [Fact]
    public void EveryDropReasonHasALabelOfItsOwn() =>
        AreDistinct(Enum.GetValues<DropReason>().Select(static reason => reason.Label()), DropReasons.Count);

    [Fact]
    public void EveryCloseReasonHasALabelOfItsOwn() =>
        AreDistinct(Enum.GetValues<DerpCloseReason>().Select(static reason => reason.Label()), DerpCloseReasons.Count);

    [Fact]
    public void WhatIsNoReasonHasNoLabel()
    {
        Assert.Throws<ArgumentOutOfRangeException>(static () => ((DropReason)DropReasons.Count).Label());
        Assert.Throws<ArgumentOutOfRangeException>(static () => ((DerpCloseReason)DerpCloseReasons.Count).Label());
    }

    private static void AreDistinct(IEnumerable<string> labels, int count) => Assert.Equal(count, labels.Distinct().Count());
}
