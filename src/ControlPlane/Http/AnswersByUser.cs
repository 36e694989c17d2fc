using System.Runtime.InteropServices;

namespace ControlPlane.Http;

/// <summary>
/// Counts the answers that are being written to each user and that grow with what is stored. A client that does not read its answer keeps
/// a page of it in memory, and one that reads fast keeps a processor busy; so a user has a number of them at once.
/// </summary>
internal sealed class AnswersByUser(ControlPlaneOptions options)
{
    private readonly Lock _lock = new();
    private readonly Dictionary<Guid, int> _counts = [];

    /// <summary>Takes a place of the user's, which disposing gives back; null when all are taken.</summary>
    public IDisposable? TryBegin(Guid userId)
    {
        lock (_lock)
        {
            ref var count = ref CollectionsMarshal.GetValueRefOrAddDefault(_counts, userId, out _);
            if (count >= options.MaxLogAnswersPerUser)
            {
                return null;
            }

            count++;
            return new Place(this, userId);
        }
    }

    private void End(Guid userId)
    {
        lock (_lock)
        {
            if (--CollectionsMarshal.GetValueRefOrNullRef(_counts, userId) == 0)
            {
                _counts.Remove(userId);
            }
        }
    }

    private sealed class Place(AnswersByUser answers, Guid userId) : IDisposable
    {
        public void Dispose() => answers.End(userId);
    }
}
