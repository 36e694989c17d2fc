using System.ComponentModel;
using System.Diagnostics;
using System.Text;

namespace LocalAgent.Machine;

/// <summary>
/// Runs a program of the machine with the environment of <see cref="ChildEnvironment"/>, and reads its output up to a limit.
/// </summary>
internal static class CommandLineTool
{
    private const int MaxOutputBytes = 16 * 1024 * 1024;
    private const int MaxErrorBytes = 4 * 1024;

    /// <summary>Runs the program to its end. A cancellation kills it.</summary>
    /// <returns>
    /// The exit code, or -1 when the program cannot be started or its output is longer than the limit; standard output; standard error.
    /// </returns>
    public static async Task<(int ExitCode, byte[] Output, string Errors)> RunAsync(
        string program,
        IEnumerable<string> arguments,
        CancellationToken cancellation)
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

    // Reads to the end and discards what exceeds the limit: a full pipe would block the program.
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
