namespace Edge.Listeners;

/// <summary>Makes connection ids: unique within the process, and very likely unique across restarts.</summary>
internal static class ConnectionIds
{
    private const string Digits = "0123456789ABCDEFGHIJKLMNOPQRSTUV";
    private const int Length = 13;
    private const int BitsPerDigit = 5;

    private static long _last = DateTime.UtcNow.Ticks;

    public static string Next() => string.Create(Length, Interlocked.Increment(ref _last), static (text, id) =>
    {
        for (var i = Length - 1; i >= 0; i--)
        {
            text[i] = Digits[(int)(id & (Digits.Length - 1))];
            id >>= BitsPerDigit;
        }
    });
}
