using Tailnet.Coordination;
using Tailnet.Messages;
using Kind = Tailnet.Messages.CoordinateResponse.Types.PeerUpdate.Types.Kind;

namespace Tailnet.Tests.Coordination;

public sealed class PeerMailboxTests
{
    [Theory]
    [InlineData(1, true)]
    [InlineData(2, false)]
    public void ANodeIsHeldAsAMessageOnlyWhileSomebodyHasToHearOfIt(int readers, bool isGone)
    {
        var (kept, message) = Keep();
        kept.Hold();
        for (var i = 1; i < readers; i++)
        {
            kept.Hold();
        }

        kept.Release();
        GC.Collect();
        Assert.Equal(isGone, !message.IsAlive);
        Assert.Equal(4, kept.Message.Id);

        static (NodeSnapshot Kept, WeakReference Message) Keep()
        {
            var node = new Node { Id = 4 };
            return (new NodeSnapshot(node, null), new WeakReference(node));
        }
    }

    [Fact]
    public void AMailboxThatNobodyReadsHoldsNothingOfSourcesThatCameAndWent()
    {
        var mailbox = new PeerMailbox(new CoordinatorOptions());
        for (var i = 0; i < 100_000; i++)
        {
            var id = Guid.NewGuid();
            mailbox.Node(id, new NodeSnapshot(new Node { Id = i }, null));
            mailbox.Ready(id);
            mailbox.Gone(id, Kind.Lost);
            mailbox.Error("again");
        }

        Assert.True(mailbox.Size < 200, $"{mailbox.Size} entries are held.");
    }
}
