using System.Text.Json;
using System.Text.RegularExpressions;
using ControlPlane.Administration;
using ControlPlane.OpenApi;
using ControlPlane.Tests.Administration;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;

namespace ControlPlane.Tests.OpenApi;

public sealed partial class OpenApiTests
{
    /// <summary>The table of tailnet.md §1.2, with both paths of row 22.</summary>
    public static TheoryData<int, string, string> Rows { get; } = new()
    {
        { 1, "get", "/derp-map" },
        { 2, "get", "/tailnet" },
        { 3, "post", "/workspaceagents/aws-instance-identity" },
        { 4, "post", "/workspaceagents/azure-instance-identity" },
        { 5, "post", "/workspaceagents/google-instance-identity" },
        { 6, "post", "/workspaceagents/me/app-health" },
        { 7, "patch", "/workspaceagents/me/app-status" },
        { 8, "get", "/workspaceagents/me/coordinate" },
        { 9, "get", "/workspaceagents/me/external-auth" },
        { 10, "get", "/workspaceagents/me/gitauth" },
        { 11, "get", "/workspaceagents/me/gitsshkey" },
        { 12, "post", "/workspaceagents/me/log-source" },
        { 13, "patch", "/workspaceagents/me/logs" },
        { 14, "get", "/workspaceagents/me/manifest" },
        { 15, "get", "/workspaceagents/me/metadata" },
        { 16, "get", "/workspaceagents/me/reinit" },
        { 17, "post", "/workspaceagents/me/report-stats" },
        { 18, "patch", "/workspaceagents/me/startup-logs" },
        { 19, "get", "/workspaceagents/{workspaceagent}" },
        { 20, "get", "/workspaceagents/{workspaceagent}/connection" },
        { 21, "get", "/workspaceagents/{workspaceagent}/containers" },
        { 22, "post", "/workspaceagents/{workspaceagent}/containers/devcontainers/container/{container}/recreate" },
        { 22, "post", "/workspaceagents/{workspaceagent}/containers/devcontainers/{devcontainer}/recreate" },
        { 23, "get", "/workspaceagents/{workspaceagent}/coordinate" },
        { 24, "get", "/workspaceagents/{workspaceagent}/listening-ports" },
        { 25, "get", "/workspaceagents/{workspaceagent}/logs" },
        { 26, "get", "/workspaceagents/{workspaceagent}/pty" },
        { 27, "get", "/workspaceagents/{workspaceagent}/startup-logs" },
    };

    [Fact]
    public async Task EveryRowOfTheTableIsInTheDocument()
    {
        await using var server = await ApiServer.StartAsync();
        var document = await server.GetAsync("/api/v2/openapi.json");

        Assert.Equal(200, document.Status);
        foreach (var row in Rows)
        {
            var (number, method, path) = row.Data;
            Assert.True(
                document.Json.GetProperty("paths").TryGetProperty(path, out var item) && item.TryGetProperty(method, out _),
                $"row {number}: {method} {path}");
        }
    }

    [Fact]
    public async Task EveryMethodThatIsMappedIsDescribedAndNoOther()
    {
        await using var admin = await AdminListener.StartAsync();
        var mapped = ApiDocument.Operations(admin.Server.Services.GetRequiredService<EndpointDataSource>().Endpoints, "/api/v2");
        var administration = ApiDocument.Operations(admin.Endpoints, "/admin/v1");

        Assert.Equal(Sorted(AgentsOperations.All.Keys), Sorted(mapped.Select(static one => $"{one.Method} {one.Path}")));
        Assert.Equal(Sorted(AdminOperations.All.Keys), Sorted(administration.Select(static one => $"{one.Method} {one.Path}")));
    }

    [Fact]
    public async Task EveryReferenceIsToASchemaOrAResponseOfTheDocument()
    {
        await using var admin = await AdminListener.StartAsync();
        foreach (var document in await DocumentsAsync(admin))
        {
            var references = Reference().Matches(document.GetRawText()).Select(static match => match.Groups[1].Value).ToList();
            Assert.NotEmpty(references);
            Assert.All(references, reference =>
            {
                // Not into a schema, which generators of code do not follow.
                Assert.Matches("^#/components/(schemas|responses)/[A-Za-z]+$", reference);
                Assert.Equal(JsonValueKind.Object, Resolve(document, reference).ValueKind);
            });
        }
    }

    [Fact]
    public async Task EveryOperationHasANameOfItsOwnAndAllIsDescribed()
    {
        await using var admin = await AdminListener.StartAsync();
        foreach (var document in await DocumentsAsync(admin))
        {
            var names = new HashSet<string>(StringComparer.Ordinal);
            foreach (var path in document.GetProperty("paths").EnumerateObject())
            {
                foreach (var operation in path.Value.EnumerateObject().Where(static one => one.Name != "parameters"))
                {
                    var what = $"{operation.Name} {path.Name}";
                    Assert.True(names.Add(operation.Value.GetProperty("operationId").GetString()!), what);
                    IsDescribed(operation.Value, what, "summary");
                    IsDescribed(operation.Value, what);
                    var parameters = Entries(path.Value, "parameters").Concat(Entries(operation.Value, "parameters"));
                    Assert.All(parameters, parameter => IsDescribed(parameter, $"{what} {parameter.GetProperty("name")}"));
                    Assert.True(operation.Value.GetProperty("responses").TryGetProperty("default", out _), what);
                }
            }

            foreach (var schema in document.GetProperty("components").GetProperty("schemas").EnumerateObject())
            {
                IsDescribed(schema.Value, schema.Name);
                Assert.All(
                    schema.Value.GetProperty("properties").EnumerateObject(),
                    property => IsDescribed(property.Value, $"{schema.Name}.{property.Name}"));
            }

            Assert.NotEmpty(document.GetProperty("servers").EnumerateArray());
        }
    }

    [Fact]
    public async Task EnumeratedValuesAreInTheDocument()
    {
        await using var admin = await AdminListener.StartAsync();
        var schemas = (await DocumentsAsync(admin))
            .SelectMany(static document => document.GetProperty("components").GetProperty("schemas").EnumerateObject())
            .ToList();
        Assert.All(AgentsEnumValues.All.Concat(AdminEnumValues.All), entry =>
        {
            var name = JsonNamingPolicy.SnakeCaseLower.ConvertName(entry.Key.Property);
            var property = schemas.First(schema => schema.Name == entry.Key.Type.Name).Value.GetProperty("properties").GetProperty(name);
            var innermost = property.TryGetProperty("items", out var items) ? items
                : property.TryGetProperty("additionalProperties", out var values) ? values
                : property;
            var words = innermost.GetProperty("enum").EnumerateArray().Where(static word => word.ValueKind != JsonValueKind.Null);
            Assert.Equal(entry.Value, words.Select(static word => word.GetString()));
        });
    }

    [Theory]
    [InlineData("GET", "/", "getRoot")]
    [InlineData("GET", "/openapi.json", "getOpenapiJson")]
    [InlineData("POST", "/workspaceagents/aws-instance-identity", "postWorkspaceagentsAwsInstanceIdentity")]
    [InlineData("GET", "/workspaceagents/{workspaceagent}/logs", "getWorkspaceagentsByWorkspaceagentLogs")]
    public void AnOperationsNameIsItsMethodAndItsPath(string method, string path, string name) =>
        Assert.Equal(name, ApiDocument.OperationId(method, path));

    [Fact]
    public async Task TheSchemasAreWhatTheSerialisersWrite()
    {
        await using var server = await ApiServer.StartAsync();
        var schemas = (await server.GetAsync("/api/v2/openapi.json")).Json.GetProperty("components").GetProperty("schemas");
        var properties = schemas.GetProperty("AgentView").GetProperty("properties");
        var agent = (await server.GetAsUserAsync(server.AgentPath)).Json;

        Assert.All(agent.EnumerateObject(), member => Assert.True(properties.TryGetProperty(member.Name, out _), member.Name));
        Assert.Equal("date-time", properties.GetProperty("created_at").GetProperty("format").GetString());
        Assert.Equal("uuid", properties.GetProperty("id").GetProperty("format").GetString());
        Assert.Equal(JsonValueKind.Object, schemas.GetProperty("LogLine").ValueKind);
    }

    private static async Task<JsonElement[]> DocumentsAsync(AdminListener admin) =>
        [(await admin.Server.GetAsync("/api/v2/openapi.json")).Json, (await admin.GetAsync("/openapi.json")).Json];

    private static JsonElement[] Entries(JsonElement owner, string list) =>
        owner.TryGetProperty(list, out var entries) ? [.. entries.EnumerateArray()] : [];

    private static void IsDescribed(JsonElement one, string what, string by = "description") =>
        Assert.True(one.TryGetProperty(by, out var text) && text.GetString() is { Length: > 0 }, $"{what} has no {by}");

    private static JsonElement Resolve(JsonElement document, string reference) =>
        reference.Split('/').Skip(1).Aggregate(document, static (node, name) => node.GetProperty(name));

    private static IOrderedEnumerable<string> Sorted(IEnumerable<string> operations) => operations.Order(StringComparer.Ordinal);

    [GeneratedRegex("\"\\$ref\":\"([^\"]*)\"")]
    private static partial Regex Reference();
}
