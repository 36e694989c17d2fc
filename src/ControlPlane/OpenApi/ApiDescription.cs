namespace ControlPlane.OpenApi;

/// <summary>The parts of an API's OpenAPI document that routes and serializers do not tell.</summary>
/// <param name="Root">The prefix of all paths.</param>
/// <param name="Title">The API's name.</param>
/// <param name="Operations">The operations, by method and path below the root.</param>
/// <param name="EnumValues">The values of properties that have enumerated values.</param>
internal sealed record ApiDescription(
    string Root,
    string Title,
    IReadOnlyDictionary<string, ApiOperation> Operations,
    IReadOnlyDictionary<(Type Type, string Property), IReadOnlyList<string>> EnumValues);
