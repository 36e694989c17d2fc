namespace Edge.LocalAgent.Terminals;

/// <summary>
/// What terminals that pour output take of the machine, shared evenly: a program whose output is not read waits, and so takes no time either.
/// Terminals that put out little never meet it.
/// </summary>
internal sealed class OutputShare(TerminalOptions options, TimeProvider time)
{
    private int _pouring;

    /// <summary>A new terminal's meter. To be disposed with it.</summary>
    public Meter NewMeter() => new(this, time.GetTimestamp());

    // One alone leaves the other half to those who come.
    private double BytesPerSecond => Math.Min(options.MaxOutputRate / 2.0, (double)options.MaxOutputRate / Math.Max(1, Volatile.Read(ref _pouring)));

    /// <summary>One terminal's part. Used by one thread.</summary>
    public sealed class Meter : IDisposable
    {
        private readonly OutputShare _share;
        private double _allowance;
        private long _at;
        private bool _pours;

        internal Meter(OutputShare share, long now) => (_share, _at, _allowance) = (share, now, share.Options.OutputBurst);

        /// <summary>How long to wait before more is read, in milliseconds; 0 for not at all.</summary>
        public int Delay()
        {
            var now = _share.Time.GetTimestamp();
            var rate = _share.BytesPerSecond;
            _allowance = Math.Min(_share.Options.OutputBurst, _allowance + (_share.Time.GetElapsedTime(_at, now).TotalSeconds * rate));
            _at = now;
            if (_pours && _allowance > _share.Options.OutputBurst / 2)
            {
                SetPours(false);
            }

            return _allowance > 0 ? 0 : Math.Max(1, (int)Math.Ceiling(-_allowance / rate * 1000));
        }

        /// <summary>So much was read.</summary>
        public void Took(int bytes)
        {
            _allowance -= bytes;
            if (!_pours && _allowance <= 0)
            {
                SetPours(true);
            }
        }

        public void Dispose() => SetPours(false);

        private void SetPours(bool pours)
        {
            if (_pours != pours)
            {
                _pours = pours;
                Interlocked.Add(ref _share._pouring, pours ? 1 : -1);
            }
        }
    }

    private TerminalOptions Options => options;

    private TimeProvider Time => time;
}
