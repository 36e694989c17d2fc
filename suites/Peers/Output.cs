using System.Security.Cryptography;
using System.Text;

namespace Peers;

/// <summary>What a terminal has printed, and how far a test has read it.</summary>
internal sealed class Output
{
    private byte[] _bytes = new byte[64 << 10];
    private int _end;
    private int _read;
    private int _searched;

    /// <summary>Space for the bytes that come next; <see cref="Added"/> says how many came.</summary>
    public Memory<byte> Space()
    {
        if (_bytes.Length - _end < 32 << 10)
        {
            Array.Resize(ref _bytes, 2 * _bytes.Length);
        }

        return _bytes.AsMemory(_end);
    }

    public void Added(int count) => _end += count;

    /// <summary>The text before and with this one, behind what was taken before; null while it has not come.</summary>
    public byte[]? Take(ReadOnlySpan<byte> text)
    {
        var from = Math.Max(_read, _searched - text.Length);
        var at = _bytes.AsSpan(from, _end - from).IndexOf(text);
        _searched = _end;
        if (at < 0)
        {
            return null;
        }

        var taken = _bytes[_read..(from + at + text.Length)];
        _read = from + at + text.Length;
        _searched = _read;
        return taken;
    }

    /// <summary>What has come and was not taken, for the messages of failures.</summary>
    public override string ToString() => Encoding.UTF8.GetString(_bytes, _read, Math.Min(_end - _read, 4096));
}

/// <summary>Commands of the peer's shell (<c>agent/shell.go</c>).</summary>
internal static class Shell
{
    public const string Prompt = "$ ";

    /// <summary>Has the shell print this many bytes, and compares their hash with the shell's.</summary>
    public static async Task AssertFloodAsync(ITerminalEnd terminal, int bytes)
    {
        await terminal.TypeAsync($"flood {bytes}\r");
        await AssertFloodArrivesAsync(terminal, bytes);
    }

    public static async Task AssertFloodArrivesAsync(ITerminalEnd terminal, int bytes)
    {
        await terminal.UntilAsync("begin\r\n");
        var body = (await terminal.UntilAsync("\r\nsha256 ")).AsMemory();
        var hash = Encoding.ASCII.GetString(await terminal.UntilAsync("\r\n"))[..64];
        body = body[..^"\r\nsha256 ".Length];
        Assert.Equal(bytes, body.Length);
        Assert.Equal(hash, Convert.ToHexStringLower(SHA256.HashData(body.Span)));
    }

    /// <summary>Types this text, and compares its hash with that of what the shell has read.</summary>
    public static async Task AssertPasteAsync(ITerminalEnd terminal, string text)
    {
        const int Piece = 8 << 10;
        var bytes = Encoding.UTF8.GetBytes(text);
        await terminal.TypeAsync($"hash {bytes.Length}\r");
        await terminal.UntilAsync("ready\r\n");
        for (var at = 0; at < text.Length; at += Piece)
        {
            await terminal.TypeAsync(text[at..Math.Min(at + Piece, text.Length)]);
        }

        await terminal.UntilAsync("sha256 ");
        var hash = Encoding.ASCII.GetString(await terminal.UntilAsync("\r\n"))[..64];
        Assert.Equal(Convert.ToHexStringLower(SHA256.HashData(bytes)), hash);
    }
}

/// <summary>A user's end of a terminal, whichever way it goes.</summary>
internal interface ITerminalEnd
{
    Task TypeAsync(string text);

    Task ResizeAsync(int height, int width);

    /// <summary>Reads until this has come after what the last call found; returns both.</summary>
    Task<byte[]> UntilAsync(string text);
}
