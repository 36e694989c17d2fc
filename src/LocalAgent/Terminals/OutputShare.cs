namespace LocalAgent.Terminals;

/// <summary>
/// A rate limit of output that all terminals with a bulk of output share evenly. A program whose output is not read blocks, and
/// uses no processor time. Terminals with little output never reach the limit.
/// </summary>
internal sealed class OutputShare(TerminalOptions options, TimeProvider time)
{
    private int _bulkCount;

    /// <summary>A meter for a new terminal, which is disposed with the terminal.</summary>
    public Meter NewMeter() => new(this, time.GetTimestamp());

    // A single terminal leaves half of the rate to new ones.
    private double BytesPerSecond =>
        Math.Min(options.MaxOutputRate / 2.0, (double)options.MaxOutputRate / Math.Max(1, Volatile.Read(ref _bulkCount)));

    /// <summary>The token bucket of one terminal. Used by one thread.</summary>
    public sealed class Meter : IDisposable
    {
        private readonly OutputShare _share;
        private double _allowance;
        private long _at;
        private bool _isBulk;

        internal Meter(OutputShare share, long now) => (_share, _at, _allowance) = (share, now, share.Options.OutputBurst);

        /// <summary>The time before the next read, in milliseconds; 0 for a read now.</summary>
        public int Delay()
        {
            var now = _share.Time.GetTimestamp();
            var rate = _share.BytesPerSecond;
            _allowance = Math.Min(_share.Options.OutputBurst, _allowance + (_share.Time.GetElapsedTime(_at, now).TotalSeconds * rate));
            _at = now;
            if (_isBulk && _allowance > _share.Options.OutputBurst / 2)
            {
                SetBulk(false);
            }

            return _allowance > 0 ? 0 : Math.Max(1, (int)Math.Ceiling(-_allowance / rate * 1000));
        }

        /// <summary>Counts bytes that were read.</summary>
        public void Took(int bytes)
        {
            _allowance -= bytes;
            if (!_isBulk && _allowance <= 0)
            {
                SetBulk(true);
            }
        }

        public void Dispose() => SetBulk(false);

        private void SetBulk(bool isBulk)
        {
            if (_isBulk != isBulk)
            {
                _isBulk = isBulk;
                Interlocked.Add(ref _share._bulkCount, isBulk ? 1 : -1);
            }
        }
    }

    private TerminalOptions Options => options;

    private TimeProvider Time => time;
}
