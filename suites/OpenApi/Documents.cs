using System.Diagnostics;
using System.Net.Http.Headers;

namespace OpenApiSuite;

/// <summary>The OpenAPI documents of a running node, in files, and the programs of npm that check them.</summary>
public sealed class Documents : IAsyncLifetime
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(2);

    private readonly TemporaryDirectory _directory = new();

    public string Directory => _directory.Path;

    /// <summary>The files, by what they are about.</summary>
    public IReadOnlyDictionary<string, string> Files { get; private set; } = new Dictionary<string, string>();

    public async ValueTask InitializeAsync()
    {
        Assert.True(
            System.IO.Directory.Exists(Path.Combine(Suite(), "node_modules")),
            "The checkers are missing: bash suites/OpenApi/install.sh");
        var data = _directory.File("data");
        await using var edge = await EdgeProcess.StartAsync(
            _directory.Path, "--urls", "http://127.0.0.1:0", "--Edge:Admin:Url=http://127.0.0.1:0", $"--Edge:DataDirectory={data}");
        using var client = new HttpClient();
        var agents = await client.GetStringAsync(new Uri(edge.UrlOf("public"), "/api/v2/openapi.json"));
        var token = Bootstrapped.AdminToken(Path.Combine(data, "bootstrap.json"));
        client.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", token);
        var administration = await client.GetStringAsync(new Uri(edge.UrlOf("admin"), "/admin/v1/openapi.json"));
        Files = new Dictionary<string, string>
        {
            ["agents"] = _directory.File("agents.json"),
            ["administration"] = _directory.File("administration.json"),
        };
        await File.WriteAllTextAsync(Files["agents"], agents);
        await File.WriteAllTextAsync(Files["administration"], administration);
    }

    /// <summary>Runs a program of this suite's node_modules, or one with Node.js; it has to exit with 0.</summary>
    public static async Task RunAsync(string program, params IEnumerable<string> arguments)
    {
        var start = new ProcessStartInfo("node", [Path.Combine(Suite(), program), .. arguments])
        {
            WorkingDirectory = Suite(),
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        start.Environment["REDOCLY_TELEMETRY"] = "off";
        start.Environment["REDOCLY_SUPPRESS_UPDATE_NOTICE"] = "true";
        using var process = Process.Start(start)!;
        var output = process.StandardOutput.ReadToEndAsync();
        var errors = process.StandardError.ReadToEndAsync();
        await process.WaitForExitAsync().WaitAsync(Patience);
        Assert.True(process.ExitCode == 0, $"{program} exited with {process.ExitCode}:\n{await output}{await errors}");
    }

    /// <summary>This suite's folder in the checkout.</summary>
    public static string Suite()
    {
        var directory = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(directory.FullName, "Edge.sln")))
        {
            directory = directory.Parent ?? throw new DirectoryNotFoundException("No Edge.sln above the tests.");
        }

        return Path.Combine(directory.FullName, "suites", "OpenApi");
    }

    public ValueTask DisposeAsync()
    {
        _directory.Dispose();
        return ValueTask.CompletedTask;
    }
}
