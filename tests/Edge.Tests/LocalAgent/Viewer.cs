using System.Text;
using LocalAgent.Terminals;

namespace Edge.Tests.LocalAgent;

/// <summary>Somebody at a terminal: what was read so far, and typing.</summary>
internal sealed class Viewer(TerminalAttachment attachment) : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);
    private readonly MemoryStream _seen = new();
    private int _found;

    public TerminalAttachment Attachment => attachment;

    public string Seen => Encoding.UTF8.GetString(_seen.ToArray());

    public static Viewer Attach(TerminalSessions sessions, Guid id, string command = "", ushort height = 24, ushort width = 80) =>
        new(sessions.Attach(new TerminalRequest(id, height, width, command)));

    public Task TypeAsync(string text) => attachment.WriteAsync(Encoding.UTF8.GetBytes(text), CancellationToken.None).WaitAsync(Patience);

    /// <summary>Reads until this has been seen after what the last call found, and says everything up to its end.</summary>
    public async Task<string> UntilAsync(string text)
    {
        int at;
        while ((at = Seen.IndexOf(text, _found, StringComparison.Ordinal)) < 0)
        {
            int count;
            try
            {
                count = await ReadAsync();
            }
            catch (TimeoutException)
            {
                throw new TimeoutException($"Not in time: \"{text}\" after {_found} characters of: {Seen}");
            }

            Assert.True(count > 0, $"The terminal ended before \"{text}\": {Seen}");
        }

        var found = Seen[_found..(at + text.Length)];
        _found = at + text.Length;
        return found;
    }

    /// <summary>Reads to the end.</summary>
    public async Task<string> ToEndAsync()
    {
        while (await ReadAsync() > 0)
        {
        }

        return Seen;
    }

    public async Task<int> ReadAsync()
    {
        var buffer = new byte[32 * 1024];
        var count = await attachment.ReadAsync(buffer, CancellationToken.None).AsTask().WaitAsync(Patience);
        _seen.Write(buffer, 0, count);
        return count;
    }

    public void Dispose() => attachment.Dispose();
}
