using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization.Metadata;
using ControlPlane.Http;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace ControlPlane.OpenApi;

/// <summary>
/// Builds the OpenAPI 3.1 document of all routes below a path. Paths, methods and path parameters come from the mapped endpoints, and the
/// schemas of bodies from the serializers. So the document cannot list what does not exist. Tests check that every operation, parameter and
/// property has a description.
/// </summary>
internal static class ApiDocument
{
    /// <summary>A handler that sends the document. The first request builds it, when all routes are mapped.</summary>
    public static RequestDelegate Serve(IEndpointRouteBuilder routes, ApiDescription api)
    {
        var document = new Lazy<byte[]>(() => Encoding.UTF8.GetBytes(
            Build(routes.DataSources.SelectMany(static source => source.Endpoints), api).ToJsonString() + "\n"));
        return context =>
        {
            context.Response.ContentType = ApiResponses.JsonContentType;
            context.Response.ContentLength = document.Value.Length;
            return context.WriteChunksAsync(document.Value);
        };
    }

    /// <summary>The methods of the routes below <paramref name="root"/>, with their paths.</summary>
    public static IEnumerable<(RouteEndpoint Endpoint, string Path, string Method)> Operations(
        IEnumerable<Endpoint> endpoints, string root) => endpoints
        .OfType<RouteEndpoint>()
        .Where(endpoint => endpoint.RoutePattern.RawText?.StartsWith(root + "/", StringComparison.Ordinal) is true)
        .SelectMany(endpoint => endpoint.Metadata.GetMetadata<RouteMethods>() is { } route
            ? route.Methods.Select(method => (endpoint, endpoint.RoutePattern.RawText![root.Length..], method))
            : []);

    /// <summary>
    /// The operation's id, by which generated clients name it. It consists of the method and the path, so that it stays the same.
    /// </summary>
    public static string OperationId(string method, string path)
    {
        var segments = path.Split('/', StringSplitOptions.RemoveEmptyEntries);
        return method.ToLowerInvariant() + (segments.Length == 0 ? "Root" : string.Concat(segments.Select(
            static segment => segment[0] == '{' ? "By" + Pascal(segment.Trim('{', '}')) : Pascal(segment))));

        static string Pascal(string words) => string.Concat(words
            .Split(['-', '.', '_'], StringSplitOptions.RemoveEmptyEntries)
            .Select(static word => char.ToUpperInvariant(word[0]) + word[1..]));
    }

    private static JsonObject Build(IEnumerable<Endpoint> endpoints, ApiDescription api)
    {
        var schemas = new ApiSchemas(XmlComments.Read(), api);
        var error = schemas.Reference(ApiJson.Wire.ApiError);
        foreach (var request in api.Operations.Values.Select(static operation => operation.Request).OfType<JsonTypeInfo>())
        {
            schemas.Reference(request, sent: true);
        }

        var paths = new JsonObject();
        var byPath = Operations(endpoints, api.Root).GroupBy(static one => one.Path);
        foreach (var path in byPath.OrderBy(static path => path.Key, StringComparer.Ordinal))
        {
            var item = new JsonObject();
            if (path.First().Endpoint.RoutePattern.Parameters is { Count: > 0 } parameters)
            {
                item["parameters"] = new JsonArray([.. parameters.Select(static parameter => Parameter(
                    "path", new ApiParameter(parameter.Name, ApiParameter.InPath.GetValueOrDefault(parameter.Name, ""))))]);
            }

            foreach (var (_, _, method) in path)
            {
                item[method.ToLowerInvariant()] = api.Operations.TryGetValue($"{method} {path.Key}", out var operation)
                    ? Describe(OperationId(method, path.Key), operation, item.ContainsKey("parameters"), schemas)
                    : new JsonObject { ["responses"] = new JsonObject() };
            }

            paths[path.Key] = item;
        }

        return new JsonObject
        {
            ["openapi"] = "3.1.0",
            ["info"] = new JsonObject { ["title"] = api.Title, ["version"] = BuildVersion.OfThisAssembly },
            ["servers"] = new JsonArray(
                new JsonObject { ["url"] = api.Root, ["description"] = "The server of this document." }),
            ["paths"] = paths,
            ["components"] = new JsonObject
            {
                ["schemas"] = schemas.ToJson(),
                ["responses"] = ApiErrors.Responses(error, paths.ToJsonString()),
                ["securitySchemes"] = ApiSecurity.Schemes(api.Operations.Values.Select(static operation => operation.Caller)),
            },
        };
    }

    private static JsonObject Describe(string id, ApiOperation operation, bool hasPathParameters, ApiSchemas schemas)
    {
        var responses = new JsonObject();
        if (operation.IsWebSocket)
        {
            responses["101"] = new JsonObject { ["description"] = "A WebSocket." };
        }

        if (operation.Status != StatusCodes.Status101SwitchingProtocols)
        {
            responses[operation.Status.ToString(CultureInfo.InvariantCulture)] = Success(operation, schemas);
        }

        foreach (var (status, response) in ApiErrors.Of(operation, hasPathParameters))
        {
            responses[status] = response;
        }

        var described = new JsonObject
        {
            ["operationId"] = id,
            ["summary"] = operation.Summary,
            ["description"] = $"{ApiSecurity.Needs(operation.Caller)}{(operation.IsWebSocket ? " Answers a WebSocket handshake." : "")}",
            ["security"] = ApiSecurity.Of(operation.Caller),
            ["responses"] = responses,
        };
        if (operation.Query.Count > 0)
        {
            described["parameters"] = new JsonArray([.. operation.Query.Select(static one => Parameter("query", one))]);
        }

        if (operation.Request is { } request)
        {
            described["requestBody"] = new JsonObject
            {
                ["required"] = true,
                ["content"] = Content(ApiOperation.Json, schemas.Reference(request)),
            };
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
                : operation.IsArray ? new JsonObject { ["type"] = "array", ["items"] = schemas.Body(operation.Response) }
                : schemas.Body(operation.Response);
            success["content"] = Content(operation.MediaType, schema);
        }

        return success;
    }

    private static JsonObject Content(string mediaType, JsonObject schema) =>
        new() { [mediaType] = new JsonObject { ["schema"] = schema } };

    private static JsonObject Parameter(string place, ApiParameter parameter)
    {
        var schema = new JsonObject { ["type"] = parameter.Type };
        if (parameter.EnumValues.Count > 0)
        {
            schema["enum"] = new JsonArray([.. parameter.EnumValues.Select(static value => (JsonNode)value)]);
        }

        return new JsonObject
        {
            ["name"] = parameter.Name,
            ["in"] = place,
            ["required"] = place == "path",
            ["description"] = parameter.Description,
            ["schema"] = schema,
        };
    }
}
