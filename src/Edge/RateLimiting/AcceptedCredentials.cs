namespace Edge.RateLimiting;

/// <summary>
/// The hashes of credentials that an API server has accepted. The one that was not used for longest is evicted. Only these have
/// limits of their own: otherwise a client could avoid the limit with invented credentials.
/// </summary>
internal sealed class AcceptedCredentials(RateLimitOptions options, TimeProvider time)
{
    private readonly SetTable<long> _table = new(options.CredentialSets);

    /// <summary>Most entries.</summary>
    public int Capacity => _table.Capacity;

    /// <summary>Whether the credential was accepted. Updates the time of its last use.</summary>
    public bool Contains(UInt128 credential) => _table.TryVisit(credential, Touch, time.GetTimestamp());

    public void Add(UInt128 credential) =>
        _table.Upsert(credential, Touch, static (lastUse, _) => lastUse, time.GetTimestamp());

    public void Remove(UInt128 credential) => _table.Remove(credential);

    private static bool Touch(ref long lastUse, long now)
    {
        lastUse = now;
        return true;
    }
}
