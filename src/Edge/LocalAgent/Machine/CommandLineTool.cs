using System.ComponentModel;
using System.Diagnostics;
using System.Text;

namespace Edge.LocalAgent.Machine;

/// <summary>Runs a program of the machine, with the cleaned environment, and reads what it prints, up to a limit.</summary>
internal static class CommandLineTool
{
    private const int MaxOutputBytes = 16 * 1024 * 1024;
    private const int MaxErrorBytes = 4 * 1024;

    /// <summary>Runs it to its end. Cancelled, it is killed.</summary>
    /// <returns>Its exit code, -1 when it cannot be started or printed too much; what it printed; what it complained of.</returns>
    public static async Task<(int ExitCode, byte[] Output, string Errors)> RunAsync(string program, IEnumerable<string> arguments, CancellationToken cancellation)
    {
        var start = new ProcessStartInfo(program, arguments)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        ChildEnvironment.ApplyTo(start.Environment);
        Process process;
        try
        {
            process = Process.Start(start)!;
        }
        catch (Win32Exception exception)
        {
            return (-1, [], exception.Message);
        }

        using (process)
        await using (cancellation.Register(process.Kill))
        {
            process.StandardInput.Close();
            var output = ReadAsync(process.StandardOutput.BaseStream, MaxOutputBytes);
            var errors = ReadAsync(process.StandardError.BaseStream, MaxErrorBytes);
            var text = Encoding.UTF8.GetString((await errors).Bytes).Trim();
            var (bytes, complete) = await output;
            await process.WaitForExitAsync(CancellationToken.None);
            cancellation.ThrowIfCancellationRequested();
            return complete ? (process.ExitCode, bytes, text) : (-1, [], "it printed too much");
        }
    }

    // Reads to the end in any case, so that the program is not held up; keeps the beginning.
    private static async Task<(byte[] Bytes, bool Complete)> ReadAsync(Stream stream, int limit)
    {
        var kept = new MemoryStream();
        var buffer = new byte[8 * 1024];
        var complete = true;
        while (await stream.ReadAsync(buffer) is var count && count > 0)
        {
            var room = Math.Min(count, limit - (int)kept.Length);
            kept.Write(buffer, 0, room);
            complete &= room == count;
        }

        return (kept.ToArray(), complete);
    }
}
