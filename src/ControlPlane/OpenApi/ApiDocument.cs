using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;
using ControlPlane.Http;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace ControlPlane.OpenApi;

/// <summary>
/// The OpenAPI 3.1 document of all routes below a path. Paths, methods and path parameters are those of the mapped endpoints, bodies those of their
/// serialisers, so that it cannot tell of what is not there; a test holds that every operation is described.
/// </summary>
internal static class ApiDocument
{
    /// <summary>Answers with the document, made when somebody first asks: then all routes are mapped.</summary>
    public static RequestDelegate Serve(
        IEndpointRouteBuilder routes, string root, string title, IReadOnlyDictionary<string, ApiOperation> operations)
    {
        var document = new Lazy<byte[]>(() => Encoding.UTF8.GetBytes(
            Build(routes.DataSources.SelectMany(static source => source.Endpoints), root, title, operations).ToJsonString() + "\n"));
        return context =>
        {
            context.Response.ContentType = ApiResponses.JsonContentType;
            context.Response.ContentLength = document.Value.Length;
            return context.WritePiecesAsync(document.Value);
        };
    }

    /// <summary>The methods that endpoints look at themselves, with the routes below <paramref name="root"/> that have them.</summary>
    public static IEnumerable<(RouteEndpoint Endpoint, string Path, string Method)> Operations(IEnumerable<Endpoint> endpoints, string root) => endpoints
        .OfType<RouteEndpoint>()
        .Where(endpoint => endpoint.RoutePattern.RawText?.StartsWith(root + "/", StringComparison.Ordinal) is true)
        .SelectMany(endpoint => endpoint.Metadata.GetMetadata<RouteMethods>()?.Methods.Select(method => (endpoint, endpoint.RoutePattern.RawText![root.Length..], method)) ?? []);

    private static JsonObject Build(IEnumerable<Endpoint> endpoints, string root, string title, IReadOnlyDictionary<string, ApiOperation> operations)
    {
        var schemas = new ApiSchemas();
        var paths = new JsonObject();
        foreach (var path in Operations(endpoints, root).GroupBy(static one => one.Path).OrderBy(static path => path.Key, StringComparer.Ordinal))
        {
            var item = new JsonObject();
            if (path.First().Endpoint.RoutePattern.Parameters is { Count: > 0 } parameters)
            {
                item["parameters"] = new JsonArray([.. parameters.Select(static parameter => Parameter(parameter.Name, "path", "string", null))]);
            }

            foreach (var (_, _, method) in path)
            {
                item[method.ToLowerInvariant()] = operations.TryGetValue($"{method} {path.Key}", out var operation)
                    ? Describe(operation, schemas)
                    : new JsonObject { ["responses"] = new JsonObject() };
            }

            paths[root + path.Key] = item;
        }

        return new JsonObject
        {
            ["openapi"] = "3.1.0",
            ["info"] = new JsonObject { ["title"] = title, ["version"] = BuildVersion.OfThisAssembly },
            ["paths"] = paths,
            ["components"] = new JsonObject { ["schemas"] = schemas.ToJson(), ["securitySchemes"] = Security() },
        };
    }

    private static JsonObject Describe(ApiOperation operation, ApiSchemas schemas)
    {
        var responses = new JsonObject();
        if (operation.Status != StatusCodes.Status101SwitchingProtocols)
        {
            responses[operation.Status.ToString(CultureInfo.InvariantCulture)] = Success(operation, schemas);
        }

        if (operation.IsWebSocket)
        {
            responses["101"] = new JsonObject { ["description"] = "A WebSocket." };
        }

        responses["default"] = new JsonObject
        {
            ["description"] = "An error.",
            ["content"] = Content(ApiOperation.Json, schemas.Reference(ApiJson.Wire.ApiError)),
        };
        var described = new JsonObject { ["summary"] = operation.Summary, ["responses"] = responses, ["security"] = Security(operation.Caller) };
        if (operation.Query.Count > 0)
        {
            described["parameters"] = new JsonArray([.. operation.Query.Select(static one => Parameter(one.Name, "query", one.Type, one.Description))]);
        }

        if (operation.Request is { } request)
        {
            described["requestBody"] = new JsonObject { ["required"] = true, ["content"] = Content(ApiOperation.Json, schemas.Reference(request)) };
        }

        return described;
    }

    private static JsonObject Success(ApiOperation operation, ApiSchemas schemas)
    {
        var success = new JsonObject { ["description"] = "Done." };
        if (operation.Status != StatusCodes.Status204NoContent)
        {
            var schema = operation.MediaType != ApiOperation.Json ? new JsonObject { ["type"] = "string" }
                : operation.Response is null ? new JsonObject { ["type"] = "null" }
                : operation.IsArray ? new JsonObject { ["type"] = "array", ["items"] = schemas.Reference(operation.Response) }
                : schemas.Reference(operation.Response);
            success["content"] = Content(operation.MediaType, schema);
        }

        return success;
    }

    private static JsonObject Content(string mediaType, JsonObject schema) => new() { [mediaType] = new JsonObject { ["schema"] = schema } };

    private static JsonObject Parameter(string name, string place, string type, string? description)
    {
        var parameter = new JsonObject
        {
            ["name"] = name,
            ["in"] = place,
            ["required"] = place == "path",
            ["schema"] = new JsonObject { ["type"] = type },
        };
        if (description is not null)
        {
            parameter["description"] = description;
        }

        return parameter;
    }

    private static JsonArray Security(ApiCaller caller) => caller switch
    {
        ApiCaller.Anybody => [],
        ApiCaller.Agent => new JsonArray(Scheme("agent")),
        ApiCaller.Session => new JsonArray(Scheme("session")),
        ApiCaller.SessionOrAgent => new JsonArray(Scheme("session"), Scheme("agent")),
        _ => new JsonArray(Scheme("admin")),
    };

    private static JsonObject Scheme(string name) => new() { [name] = new JsonArray() };

    private static JsonObject Security() => new()
    {
        ["session"] = new JsonObject { ["type"] = "apiKey", ["in"] = "header", ["name"] = "Coder-Session-Token", ["description"] = "A user's session token." },
        ["agent"] = new JsonObject { ["type"] = "apiKey", ["in"] = "header", ["name"] = "Coder-Session-Token", ["description"] = "An agent's token." },
        ["admin"] = new JsonObject { ["type"] = "http", ["scheme"] = "bearer", ["description"] = "The node's admin token, on the admin listener." },
    };
}
