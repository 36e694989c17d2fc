using System.Collections;
using System.Collections.Frozen;
using Microsoft.AspNetCore.Http.Features;

namespace Edge.InProcess;

/// <summary>
/// The features of a request for the embedded API server: those of the public listener's HTTP server, so that its checks and limits
/// apply, but none that the edge's pipeline has added. Features that the API server sets stay its own.
/// </summary>
/// <param name="edge">The features of the edge's request.</param>
internal sealed class InProcessFeatures(IFeatureCollection edge) : IFeatureCollection
{
    // Without upgrades: streams use the API server's socket.
    private static readonly FrozenSet<Type> Shared = new[]
    {
        typeof(IHttpRequestFeature),
        typeof(IHttpRequestBodyDetectionFeature),
        typeof(IHttpRequestIdentifierFeature),
        typeof(IHttpRequestLifetimeFeature),
        typeof(IHttpRequestTrailersFeature),
        typeof(IHttpMaxRequestBodySizeFeature),
        typeof(IHttpBodyControlFeature),
        typeof(IRequestBodyPipeFeature),
        typeof(IHttpResponseFeature),
        typeof(IHttpResponseBodyFeature),
        typeof(IHttpResponseTrailersFeature),
        typeof(IHttpResetFeature),
        typeof(IHttpConnectionFeature),
    }.ToFrozenSet();

    private readonly FeatureCollection _own = new();

    public bool IsReadOnly => false;

    public int Revision => _own.Revision;

    public object? this[Type key]
    {
        get => _own[key] ?? (Shared.Contains(key) ? edge[key] : null);
        set => _own[key] = value;
    }

    public TFeature? Get<TFeature>() => (TFeature?)this[typeof(TFeature)];

    public void Set<TFeature>(TFeature? instance) => _own[typeof(TFeature)] = instance;

    public IEnumerator<KeyValuePair<Type, object>> GetEnumerator()
    {
        foreach (var own in _own)
        {
            yield return own;
        }

        foreach (var type in Shared)
        {
            if (_own[type] is null && edge[type] is { } feature)
            {
                yield return new KeyValuePair<Type, object>(type, feature);
            }
        }
    }

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();
}
