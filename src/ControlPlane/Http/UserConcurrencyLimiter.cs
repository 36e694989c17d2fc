using System.Runtime.InteropServices;

namespace ControlPlane.Http;

/// <summary>
/// Limits how many long responses or connections each user may have at the same time. A client that does not read its response holds one
/// page of it in memory. A client that reads fast keeps a processor busy.
/// </summary>
/// <param name="limit">The most leases of one user.</param>
internal sealed class UserConcurrencyLimiter(int limit)
{
    private readonly Lock _lock = new();
    private readonly Dictionary<Guid, int> _counts = [];

    /// <summary>Takes a lease, which its disposal returns. Null when the user holds all of them.</summary>
    public IDisposable? TryAcquire(Guid userId)
    {
        lock (_lock)
        {
            ref var count = ref CollectionsMarshal.GetValueRefOrAddDefault(_counts, userId, out _);
            if (count >= limit)
            {
                return null;
            }

            count++;
            return new Lease(this, userId);
        }
    }

    private void Release(Guid userId)
    {
        lock (_lock)
        {
            if (--CollectionsMarshal.GetValueRefOrNullRef(_counts, userId) == 0)
            {
                _counts.Remove(userId);
            }
        }
    }

    private sealed class Lease(UserConcurrencyLimiter limiter, Guid userId) : IDisposable
    {
        public void Dispose() => limiter.Release(userId);
    }
}
