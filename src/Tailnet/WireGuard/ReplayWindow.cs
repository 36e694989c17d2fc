using System.Runtime.CompilerServices;

namespace Tailnet.WireGuard;

/// <summary>
/// The record of which of the last 1,024 counters of a session were received (wireguard.md §2.5): a ring of bits, as in RFC 6479. A relay
/// rarely reorders packets, so a small window is enough.
/// </summary>
internal struct ReplayWindow
{
    /// <summary>Counters that the window covers.</summary>
    public const int Size = 1024;

    private const int WordBits = 64;
    private const int WordCount = Size / WordBits;

    private Words _words;

    // The highest received counter plus one; 0 before the first packet.
    private ulong _next;

    /// <summary>Records a counter. Its packet must be authentic.</summary>
    /// <param name="counter">Any counter except <see cref="ulong.MaxValue"/>.</param>
    /// <returns>False when the counter was recorded before, or is older than the window.</returns>
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

    // Clears the bits between the old highest counter and the new one: they belong to counters that have left the window.
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
