namespace Commands;

/// <summary>The repository as a stranger has it after a clone: the tracked files and nothing that was built from them.</summary>
public sealed class Checkout : IAsyncLifetime
{
    private static readonly TimeSpan BuildPatience = TimeSpan.FromMinutes(5);

    // No build process may outlive the test, or hold its output open. The compiler's server holds nothing, and ends by itself.
    private static readonly Dictionary<string, string> Environment = new()
    {
        ["MSBUILDDISABLENODEREUSE"] = "1",
        ["UseSharedCompilation"] = "true",

        // The same files were analysed when the solution was built.
        ["RunAnalyzers"] = "false",
        ["DOTNET_CLI_TELEMETRY_OPTOUT"] = "1",
    };

    private readonly TemporaryDirectory _directory = new();
    private bool _isBuilt;

    public string Path => _directory.Path;

    /// <summary>The README's command, with ports that are free. Only the first time does it build, or look whether it has to.</summary>
    public async Task<EdgeProcess> RunAsync(params string[] more)
    {
        var edge = await EdgeProcess.StartCommandAsync(
            Path,
            Environment,
            BuildPatience,
            [
                "dotnet", "run", .. _isBuilt ? ["--no-build"] : Array.Empty<string>(), "--project", "src/Edge",
                "--", "--urls", "http://127.0.0.1:0", "--Edge:Admin:Url=http://127.0.0.1:0", .. more,
            ]);
        if (!edge.Output.Contains("  stop ", StringComparison.Ordinal))
        {
            var output = edge.Output;
            await edge.DisposeAsync();
            Assert.Fail($"It ended before it ran:\n{output}");
        }

        _isBuilt = true;
        return edge;
    }

    public async ValueTask InitializeAsync()
    {
        Tool.Require("git", "git");
        var root = Root();
        var tracked = await Tool.RunAsync(root, "git", "ls-files", "-z");
        foreach (var file in tracked.Split('\0', StringSplitOptions.RemoveEmptyEntries))
        {
            var source = System.IO.Path.Combine(root, file);
            if (File.Exists(source))
            {
                var target = _directory.File(file);
                Directory.CreateDirectory(System.IO.Path.GetDirectoryName(target)!);
                File.Copy(source, target);
            }
        }
    }

    public ValueTask DisposeAsync()
    {
        _directory.Dispose();
        return ValueTask.CompletedTask;
    }

    private static string Root()
    {
        var directory = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(System.IO.Path.Combine(directory.FullName, "Edge.sln")))
        {
            directory = directory.Parent ?? throw new DirectoryNotFoundException("No Edge.sln above the tests.");
        }

        return directory.FullName;
    }
}
