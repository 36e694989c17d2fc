namespace OpenApiSuite;

/// <summary>The OpenAPI documents of a running node, checked by linters, and used by a generator of TypeScript.</summary>
public sealed class OpenApiTests(Documents documents) : IClassFixture<Documents>
{
    [Fact]
    public Task RedoclyFindsNoError() => Documents.RunAsync("node_modules/@redocly/cli/bin/cli.js", ["lint", .. documents.Files.Values]);

    [Fact]
    public Task SwaggerParserFindsNoError() => Documents.RunAsync("swagger-parser.mjs", documents.Files.Values);

    [Fact]
    public async Task GeneratedTypeScriptCompilesAndCanBeUsed()
    {
        foreach (var (name, file) in documents.Files)
        {
            var generated = Path.Combine(documents.Directory, name + ".ts");
            await Documents.RunAsync("node_modules/openapi-typescript/bin/cli.js", file, "--output", generated);
        }

        var use = Path.Combine(documents.Directory, "use.ts");
        File.Copy(Path.Combine(Documents.Suite(), "use.ts"), use);
        await Documents.RunAsync(
            "node_modules/typescript/bin/tsc", "--noEmit", "--strict", "--noUncheckedIndexedAccess",
            "--target", "es2022", "--module", "es2022", "--moduleResolution", "bundler", use);
    }
}
