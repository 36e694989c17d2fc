using Edge.Http;
using Yarp.ReverseProxy.Forwarder;
using Yarp.ReverseProxy.Transforms;

namespace Edge.Proxy;

/// <summary>
/// The URI that a request is forwarded to: the client's path and query byte for byte (RFC 9110 §7.7), but for what a route's transforms
/// change.
/// </summary>
internal static class ForwardedTarget
{
    // What is forwarded must be what was matched: the usual Uri resolves dot segments, decodes and escapes.
    private static readonly UriCreationOptions Exact = new() { DangerousDisablePathAndQueryCanonicalization = true };

    /// <summary>For a route without transforms of its own.</summary>
    /// <param name="destination">The destination's address, canonical.</param>
    /// <param name="request">Its target was checked.</param>
    public static Uri Create(string destination, HttpRequest request) =>
        Create(destination.AsSpan().TrimEnd('/'), RequestTarget.RawPath(request), request.QueryString);

    /// <summary>
    /// For a route with transforms. What they have left of the path is the client's own spelling; what they have put before it is encoded.
    /// </summary>
    public static Uri Create(RequestTransformContext transform)
    {
        var request = transform.HttpContext.Request;
        var raw = RequestTarget.RawPath(request);
        var path = transform.Path.Value.AsSpan();
        var kept = KeptLength(request.Path.Value, path, out var slashes);
        var query = transform.Query.QueryString;
        if (kept == path.Length && kept == request.Path.Value?.Length)
        {
            return Create(transform.DestinationPrefix.AsSpan().TrimEnd('/'), raw, query);
        }

        // Decoding leaves slashes where they are and makes none, so that the same number of them begins the same part.
        var start = raw.Length;
        for (; slashes > 0; slashes--)
        {
            start = raw[..start].LastIndexOf('/');
        }

        var added = new PathString(path[..^kept].ToString());
        var prefix = added.HasValue
            ? RequestUtilities.MakeDestinationAddress(transform.DestinationPrefix, added, QueryString.Empty).AbsoluteUri
            : transform.DestinationPrefix.TrimEnd('/');
        return Create(prefix, raw[start..], query);
    }

    private static Uri Create(ReadOnlySpan<char> prefix, ReadOnlySpan<char> path, QueryString query)
    {
        // A transform may leave nothing of a path, and an exact URI is not given the slash that a request line needs.
        var isBare = path.IsEmpty && prefix[(prefix.IndexOf("://") + 3)..].IndexOf('/') < 0;
        return new Uri(string.Concat(prefix, isBare ? "/" : path, query.Value), Exact);
    }

    /// <summary>The length of the longest common end that begins with a slash, and the slashes in it.</summary>
    private static int KeptLength(ReadOnlySpan<char> before, ReadOnlySpan<char> after, out int slashes)
    {
        var kept = 0;
        slashes = 0;
        for (var i = 1; i <= before.Length && i <= after.Length && before[^i] == after[^i]; i++)
        {
            if (after[^i] == '/')
            {
                kept = i;
                slashes++;
            }
        }

        return kept;
    }
}
