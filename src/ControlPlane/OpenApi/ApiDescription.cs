namespace ControlPlane.OpenApi;

/// <summary>An API, as its document tells of it beyond what its routes and serialisers say.</summary>
/// <param name="Root">What every path begins with.</param>
/// <param name="Title">The API's name.</param>
/// <param name="Operations">What each method of its routes does, by method and path below the root.</param>
/// <param name="Words">The words that a property may hold, where they are few.</param>
internal sealed record ApiDescription(
    string Root,
    string Title,
    IReadOnlyDictionary<string, ApiOperation> Operations,
    IReadOnlyDictionary<(Type Type, string Property), IReadOnlyList<string>> Words);
