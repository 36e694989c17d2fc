using System.ComponentModel;
using System.Runtime.InteropServices;
using System.Text;
using Microsoft.Win32.SafeHandles;

namespace LocalAgent.Terminals;

/// <summary>
/// The master side of a pseudo-terminal (pty(7)), and an eventfd that ends a wait for it. Only <see cref="Wait"/> blocks.
/// </summary>
internal sealed class Pty : IDisposable
{
    // Programs allocate memory for each cell. No real terminal has millions of cells.
    private const ushort LargestSize = 2_000;

    private static readonly byte[] One = BitConverter.GetBytes(1UL);

    private readonly SafeFileHandle _master;
    private readonly SafeFileHandle _event;

    private Pty(SafeFileHandle master, SafeFileHandle wake, string slavePath) => (_master, _event, SlavePath) = (master, wake, slavePath);

    /// <summary>The path of the slave side, such as <c>/dev/pts/3</c>.</summary>
    public string SlavePath { get; }

    /// <summary>Opens a new pseudo-terminal of this size.</summary>
    /// <exception cref="Win32Exception">The system has none left, or does not allow it.</exception>
    public static Pty Open(ushort height, ushort width)
    {
        var master = Owned(Native.OpenMaster(Native.ReadWrite | Native.NoControllingTerminal | Native.NonBlocking | Native.CloseOnExec));
        try
        {
            Span<byte> name = stackalloc byte[128];
            if (Native.Grant(master) != 0 || Native.Unlock(master) != 0 || Native.SlaveName(master, name, (nuint)name.Length) != 0)
            {
                throw new Win32Exception();
            }

            var wake = Owned(Native.NewEvent(0, Native.NonBlocking | Native.CloseOnExec));
            var pty = new Pty(master, wake, Encoding.ASCII.GetString(name[..name.IndexOf((byte)0)]));
            pty.Resize(height, width);
            return pty;
        }
        catch
        {
            master.Dispose();
            throw;
        }
    }

    /// <summary>Reads output. Returns the bytes read, 0 when there is none now, -1 at the end.</summary>
    public int Read(Span<byte> buffer) => Result(Native.Read(_master, buffer, (nuint)buffer.Length));

    /// <summary>Writes input. Returns the bytes written, 0 when the buffer is full now, -1 at the end.</summary>
    public int Write(ReadOnlySpan<byte> input) => Result(Native.Write(_master, input, (nuint)input.Length));

    /// <summary>Sets the size, 2,000 by 2,000 at most. The kernel sends SIGWINCH when it changes.</summary>
    public void Resize(ushort height, ushort width) => _ = Native.SetWindowSize(
        _master, Native.WindowSize.Set, new Native.WindowSize(Math.Min(height, LargestSize), Math.Min(width, LargestSize)));

    /// <summary>
    /// Waits for output or for room for input, as requested, for <see cref="Wake"/>, or for the time (negative: without a limit).
    /// </summary>
    public (bool CanRead, bool CanWrite) Wait(bool forRead, bool forWrite, int milliseconds)
    {
        var events = (short)((forRead ? Native.PollIn : 0) | (forWrite ? Native.PollOut : 0));
        Span<Native.PollEntry> entries =
        [
            // poll reports a hang-up also for an entry without events, at every call.
            new() { File = events == 0 ? -1 : Number(_master), Events = events },
            new() { File = Number(_event), Events = Native.PollIn },
        ];
        if (Native.Poll(entries, (nuint)entries.Length, milliseconds) <= 0)
        {
            return default;
        }

        if (entries[1].Happened != 0)
        {
            Span<byte> count = stackalloc byte[8];
            _ = Native.Read(_event, count, (nuint)count.Length);
        }

        // The next read or write returns the other conditions (a hang-up, an error).
        var happened = entries[0].Happened;
        return (forRead && (happened & ~Native.PollOut) != 0, forWrite && (happened & ~Native.PollIn) != 0);
    }

    /// <summary>Ends the current <see cref="Wait"/>, or the next one.</summary>
    public void Wake() => _ = Native.Write(_event, One, (nuint)One.Length);

    public void Dispose()
    {
        _master.Dispose();
        _event.Dispose();
    }

    private static SafeFileHandle Owned(int file) => file >= 0 ? new SafeFileHandle(file, ownsHandle: true) : throw new Win32Exception();

    private static int Number(SafeFileHandle handle) => (int)handle.DangerousGetHandle();

    private static int Result(nint count)
    {
        if (count > 0)
        {
            return (int)count;
        }

        // EIO or 0 bytes: no process has the slave side open any more.
        return count < 0 && Marshal.GetLastPInvokeError() is (Native.TryAgain or Native.Interrupted) ? 0 : -1;
    }
}
