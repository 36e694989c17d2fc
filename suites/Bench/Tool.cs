using System.Diagnostics;

namespace Bench;

/// <summary>Runs the benchmarks as users do: a process of the released build.</summary>
internal static class Tool
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(4);

    public static async Task<(int Code, string Output)> RunAsync(string project, params string[] args)
    {
        var assembly = Path.Combine(Root(), "bench", project, "bin", "Release", "net10.0", project + ".dll");
        var start = new ProcessStartInfo("dotnet", [assembly, .. args]) { RedirectStandardOutput = true, RedirectStandardError = true };
        using var process = Process.Start(start)!;
        try
        {
            var output = process.StandardOutput.ReadToEndAsync();
            var errors = process.StandardError.ReadToEndAsync();
            await process.WaitForExitAsync().WaitAsync(Patience);
            return (process.ExitCode, await output + await errors);
        }
        finally
        {
            if (!process.HasExited)
            {
                process.Kill(entireProcessTree: true);
            }
        }
    }

    public static string Root()
    {
        var directory = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(directory.FullName, "Edge.sln")))
        {
            directory = directory.Parent ?? throw new InvalidOperationException("the tests do not run inside the checkout");
        }

        return directory.FullName;
    }
}
