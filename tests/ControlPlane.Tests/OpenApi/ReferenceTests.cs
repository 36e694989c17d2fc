using ControlPlane.Tests.Administration;

namespace ControlPlane.Tests.OpenApi;

/// <summary>
/// The pages below docs/reference are what the OpenAPI documents say. After a change of a contract: <c>EDGE_WRITE_REFERENCE=1 dotnet test
/// tests/ControlPlane.Tests --filter ReferenceTests</c> writes them anew.
/// </summary>
public sealed class ReferenceTests
{
    [Fact]
    public async Task TheReferencePagesAreWhatTheDocumentsSay()
    {
        await using var admin = await AdminListener.StartAsync();
        foreach (var (page, document) in new[]
        {
            ("agents-api.md", await admin.Server.GetAsync("/api/v2/openapi.json")),
            ("administration.md", await admin.GetAsync("/openapi.json")),
        })
        {
            var (file, text) = (Path.Combine(Root(), "docs", "reference", page), ReferenceDocument.Write(document.Json));
            if (Environment.GetEnvironmentVariable("EDGE_WRITE_REFERENCE") == "1")
            {
                Directory.CreateDirectory(Path.GetDirectoryName(file)!);
                await File.WriteAllTextAsync(file, text, TestContext.Current.CancellationToken);
            }

            var written = await File.ReadAllTextAsync(file, TestContext.Current.CancellationToken);
            Assert.True(
                written == text,
                $"docs/reference/{page} is stale: EDGE_WRITE_REFERENCE=1 dotnet test tests/ControlPlane.Tests --filter ReferenceTests");
        }
    }

    private static string Root()
    {
        var directory = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(directory.FullName, "Edge.sln")))
        {
            directory = directory.Parent ?? throw new DirectoryNotFoundException("No Edge.sln above the tests.");
        }

        return directory.FullName;
    }
}
