using LocalAgent.Terminals;

namespace Edge.Tests.LocalAgent;

/// <summary>Bulk transfers of terminals share the output rate evenly; terminals with little output never wait.</summary>
public class OutputShareTests
{
    private static readonly TerminalOptions Options = new() { MaxOutputRate = 1_000_000, OutputBurst = 10_000 };

    private readonly ManualTimeProvider _time = new();
    private readonly OutputShare _share;

    public OutputShareTests() => _share = new OutputShare(Options, _time);

    [Fact]
    public void OneAloneGetsHalfOfAll() => Assert.InRange(BulkTransfer(1).Single(), 490_000, 530_000);

    [Fact]
    public void FourGetAQuarterEach() => Assert.All(BulkTransfer(4), static bytes => Assert.InRange(bytes, 240_000, 280_000));

    [Fact]
    public void OneThatPutsOutLittleNeverWaits()
    {
        using var quiet = _share.NewMeter();
        Assert.All(BulkTransfer(8, () =>
        {
            Assert.Equal(0, quiet.Delay());
            quiet.Took(50);
        }), static bytes => Assert.True(bytes > 0));
    }

    [Fact]
    public void OneThatHasEndedTakesNoShare()
    {
        BulkTransfer(4);
        Assert.InRange(BulkTransfer(1).Single(), 490_000, 530_000);
    }

    // Bulk transfers over one second: each is read as often as its meter allows. Returns the bytes of each.
    private int[] BulkTransfer(int count, Action? eachTurn = null)
    {
        var meters = Enumerable.Range(0, count).Select(_ => _share.NewMeter()).ToArray();
        var read = new int[count];
        for (var millisecond = 0; millisecond < 1000; millisecond++)
        {
            for (var i = 0; i < count; i++)
            {
                while (meters[i].Delay() == 0)
                {
                    meters[i].Took(4096);
                    read[i] += 4096;
                }
            }

            eachTurn?.Invoke();
            _time.Advance(TimeSpan.FromMilliseconds(1));
        }

        Array.ForEach(meters, static meter => meter.Dispose());
        return read;
    }
}
