namespace Relay.Streams.Resumption;

/// <summary>The tries to attach a terminal to an API server again: when each one is made, and when they are given up.</summary>
/// <param name="attach">One try. Must not throw but for a cancellation.</param>
/// <param name="options">Times.</param>
/// <param name="time">The clock.</param>
internal sealed class Attachment(Func<CancellationToken, Task<AttachResult>> attach, ResumeOptions options, TimeProvider time)
{
    private TimeSpan _pause = options.FirstPause;
    private long _lost = time.GetTimestamp();
    private long _attached = time.GetTimestamp();

    /// <summary>The server is lost. Unless it had hardly been there, that is a new outage, with times of its own.</summary>
    public void Lost()
    {
        if (time.GetElapsedTime(_attached) >= options.Settled || _pause == options.FirstPause)
        {
            (_pause, _lost) = (options.FirstPause, time.GetTimestamp());
        }
    }

    /// <summary>
    /// Tries until it is told how it ended; null when no server was found in time, or it was cancelled. <see cref="AttachResult.Gone"/> is the end
    /// once it is certain, or the time is over.
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
                // Terminals of one server are lost together, and should not come back as one.
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

    /// <summary>The terminal goes on with the server that was found.</summary>
    public void Resumed() => _attached = time.GetTimestamp();
}
