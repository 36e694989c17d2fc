using System.Runtime.CompilerServices;

namespace Tailnet.WireGuard;

/// <summary>
/// Which of the last 1,024 counters of a session were received (wireguard.md §2.5), in the manner of RFC 6479: a ring of bits. A relay
/// hardly changes the order of packets, so a narrow window is enough.
/// </summary>
internal struct ReplayWindow
{
    /// <summary>Counters that the window covers.</summary>
    public const int Size = 1024;

    private const int WordBits = 64;
    private const int WordCount = Size / WordBits;

    private Words _words;

    // One more than the highest counter so far; 0 before the first.
    private ulong _next;

    /// <summary>Takes a counter, once its packet is authentic.</summary>
    /// <param name="counter">Any counter but the highest number of 64 bits.</param>
    /// <returns>False when it was taken before, or is older than the window.</returns>
    public bool TryTake(ulong counter)
    {
        if (counter >= _next)
        {
            Advance(counter);
        }
        else if (_next - counter > Size || (WordOf(counter) & Bit(counter)) != 0)
        {
            return false;
        }

        WordOf(counter) |= Bit(counter);
        return true;
    }

    private static ulong Bit(ulong counter) => 1UL << (int)(counter % WordBits);

    // The bits from the last highest counter to the new one are those of counters that have left the window.
    private void Advance(ulong counter)
    {
        if (counter - _next >= Size)
        {
            _words = default;
            _next = counter + 1;
            return;
        }

        while (_next <= counter)
        {
            if (_next % WordBits == 0 && counter - _next >= WordBits - 1)
            {
                WordOf(_next) = 0;
                _next += WordBits;
            }
            else
            {
                WordOf(_next) &= ~Bit(_next);
                _next++;
            }
        }
    }

    [System.Diagnostics.CodeAnalysis.UnscopedRef]
    private ref ulong WordOf(ulong counter) => ref _words[(int)(counter / WordBits % WordCount)];

    [InlineArray(WordCount)]
    private struct Words
    {
        private ulong _first;
    }
}
