namespace Edge.RateLimiting;

/// <summary>
/// Remembers, by hash, the credentials that an API server has accepted; the one not seen for longest gives way. Only these get limits of
/// their own: if any credential did, inventing them would be a way around the limit.
/// </summary>
internal sealed class AcceptedCredentials(RateLimitOptions options, TimeProvider time)
{
    private readonly SetTable<long> _table = new(options.CredentialSets);

    /// <summary>Entries that it can ever hold.</summary>
    public int Capacity => _table.Capacity;

    /// <summary>Whether it was accepted; it counts as seen now.</summary>
    public bool Contains(UInt128 credential) => _table.TryVisit(credential, See, time.GetTimestamp());

    public void Add(UInt128 credential) => _table.Upsert(credential, See, static (seen, _) => seen, time.GetTimestamp());

    public void Remove(UInt128 credential) => _table.Remove(credential);

    private static bool See(ref long seen, long now)
    {
        seen = now;
        return true;
    }
}
