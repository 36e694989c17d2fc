using System.Globalization;

namespace Load;

/// <summary>Tells on standard error how far a run is: a bar on a terminal, else a line for each tenth.</summary>
internal sealed class Progress
{
    private const int Width = 30;

    private readonly bool _terminal = !Console.IsErrorRedirected;
    private int _done = -1;

    public int Total { get; set; }

    public void Next(string what)
    {
        _done++;
        if (_terminal)
        {
            var filled = Total > 0 ? Math.Min(Width, _done * Width / Total) : 0;
            Console.Error.Write(string.Create(
                CultureInfo.InvariantCulture,
                $"\r[{new string('#', filled)}{new string('.', Width - filled)}] {_done}/{Total} {what}\u001b[K"));
        }
        else if (Total <= 10 || _done % (Total / 10) == 0)
        {
            Console.Error.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{_done}/{Total} {what}"));
        }
    }

    public void Done()
    {
        if (_terminal)
        {
            Console.Error.Write("\r\u001b[K");
        }
    }
}
