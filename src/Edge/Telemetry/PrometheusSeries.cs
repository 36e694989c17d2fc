namespace Edge.Telemetry;

/// <summary>What was recorded with one set of tags. Recording allocates nothing and may happen on any thread.</summary>
internal abstract class PrometheusSeries
{
    /// <summary>Takes a measurement of an integer instrument.</summary>
    public virtual void Record(long value) => Record((double)value);

    /// <summary>Takes a measurement.</summary>
    public abstract void Record(double value);

    /// <summary>Adds what was recorded so far to a line of the scrape.</summary>
    public abstract void AddTo(PrometheusPoint point);

    /// <summary>A counter, or an up-down counter where <paramref name="monotonic"/> is false.</summary>
    internal sealed class Sum(bool monotonic) : PrometheusSeries
    {
        private const int WholeCell = 0;
        private const int RealCell = 1;
        private readonly PrometheusCells _cells = new(2);

        public override void Record(long value)
        {
            if (!monotonic || value > 0)
            {
                _cells.Add(WholeCell, value);
            }
        }

        public override void Record(double value)
        {
            // One NaN would make the sum NaN for ever.
            if (double.IsFinite(value) && (!monotonic || value > 0))
            {
                _cells.Add(RealCell, value);
            }
        }

        public override void AddTo(PrometheusPoint point) => point.Value += _cells.Whole(WholeCell) + _cells.Real(RealCell);
    }

    /// <summary>A gauge, or the latest report of an observable instrument.</summary>
    internal sealed class Last : PrometheusSeries
    {
        private double _value;

        public override void Record(double value) => Volatile.Write(ref _value, value);

        public override void AddTo(PrometheusPoint point) => point.Value += Volatile.Read(ref _value);
    }

    /// <summary>A histogram; a measurement equal to a boundary belongs below it, as <c>le</c> says.</summary>
    internal sealed class Histogram(double[] boundaries) : PrometheusSeries
    {
        private readonly PrometheusCells _cells = new(boundaries.Length + 2);

        public override void Record(double value)
        {
            if (!double.IsFinite(value))
            {
                return;
            }

            var bucket = boundaries.AsSpan().BinarySearch(value);
            _cells.Add(bucket >= 0 ? bucket : ~bucket, 1L);
            _cells.Add(boundaries.Length + 1, value);
        }

        public override void AddTo(PrometheusPoint point)
        {
            point.Buckets ??= new long[boundaries.Length + 1];
            for (var i = 0; i <= boundaries.Length; i++)
            {
                point.Buckets[i] += _cells.Whole(i);
            }

            point.Value += _cells.Real(boundaries.Length + 1);
        }
    }
}
