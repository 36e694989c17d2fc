namespace Relay.Streams.Resumption;

/// <summary>Retries to attach a terminal to another API server, with back-off and a time limit.</summary>
/// <param name="attach">Makes one attempt. Throws only for a cancellation.</param>
/// <param name="options">The times.</param>
/// <param name="time">The clock.</param>
internal sealed class AttachRetries(Func<CancellationToken, Task<AttachResult>> attach, ResumeOptions options, TimeProvider time)
{
    private TimeSpan _pause = options.FirstPause;
    private long _lost = time.GetTimestamp();
    private long _attached = time.GetTimestamp();

    /// <summary>
    /// Records the loss of the server. If the server was attached for long enough, this is a new outage with a new time limit.
    /// </summary>
    public void OnLost()
    {
        if (time.GetElapsedTime(_attached) >= options.Settled || _pause == options.FirstPause)
        {
            (_pause, _lost) = (options.FirstPause, time.GetTimestamp());
        }
    }

    /// <summary>
    /// Retries until an attempt has a final result. Returns null when no server was found in time, or after a cancellation.
    /// <see cref="AttachResult.Gone"/> is final once it is certain, or at the time limit.
    /// </summary>
    public async Task<AttachResult?> AttachAsync(CancellationToken cancellation)
    {
        var limit = options.Limit - time.GetElapsedTime(_lost);
        if (limit <= TimeSpan.Zero)
        {
            return null;
        }

        AttachResult.Gone? gone = null;
        using var timeout = new CancellationTokenSource(limit, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(timeout.Token, cancellation);
        try
        {
            while (true)
            {
                // A failed server loses many terminals at once; the jitter spreads their attempts.
                var spread = 0.75 + (Random.Shared.NextDouble() / 2);
                await Task.Delay(_pause * spread, time, either.Token).ConfigureAwait(false);
                _pause = _pause * 2 < options.LongestPause ? _pause * 2 : options.LongestPause;
                var result = await attach(either.Token).ConfigureAwait(false);
                if (result is not (AttachResult.Unavailable or AttachResult.Gone { IsCertain: false }))
                {
                    return result;
                }

                gone = result as AttachResult.Gone ?? gone;
            }
        }
        catch (OperationCanceledException)
        {
            return cancellation.IsCancellationRequested ? null : gone;
        }
    }

    /// <summary>Records that the terminal continues on the new server.</summary>
    public void OnResumed() => _attached = time.GetTimestamp();
}
