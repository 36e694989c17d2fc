using Edge.Http;
using Yarp.ReverseProxy.Forwarder;
using Yarp.ReverseProxy.Transforms;

namespace Edge.Proxy;

/// <summary>
/// The URI that a request is forwarded to: the client's path and query byte for byte (RFC 9110 §7.7), except for the changes of a
/// route's transforms.
/// </summary>
internal static class ForwardedTarget
{
    // The forwarded path must be the matched one, but a canonicalizing Uri resolves dot segments, decodes and escapes.
    private static readonly UriCreationOptions Exact = new() { DangerousDisablePathAndQueryCanonicalization = true };

    /// <summary>The URI for a route without transforms.</summary>
    /// <param name="destination">The destination's address, in canonical form.</param>
    /// <param name="request">The request. Its target was checked.</param>
    public static Uri Create(string destination, HttpRequest request) =>
        Create(destination.AsSpan().TrimEnd('/'), RequestTarget.RawPath(request), request.QueryString);

    /// <summary>
    /// The URI for a route with transforms. The part of the path that they did not change keeps the client's spelling. The part that
    /// they put before it is encoded.
    /// </summary>
    public static Uri Create(RequestTransformContext transform)
    {
        var request = transform.HttpContext.Request;
        var raw = RequestTarget.RawPath(request);
        var path = transform.Path.Value.AsSpan();
        var common = CommonSuffixLength(request.Path.Value, path, out var slashes);
        var query = transform.Query.QueryString;
        if (common == path.Length && common == request.Path.Value?.Length)
        {
            return Create(transform.DestinationPrefix.AsSpan().TrimEnd('/'), raw, query);
        }

        // Decoding neither adds nor removes slashes, so the suffix begins at the same slash, counted from the end, in the raw path.
        var start = raw.Length;
        for (; slashes > 0; slashes--)
        {
            start = raw[..start].LastIndexOf('/');
        }

        var added = new PathString(path[..^common].ToString());
        var prefix = added.HasValue
            ? RequestUtilities.MakeDestinationAddress(transform.DestinationPrefix, added, QueryString.Empty).AbsoluteUri
            : transform.DestinationPrefix.TrimEnd('/');
        return Create(prefix, raw[start..], query);
    }

    private static Uri Create(ReadOnlySpan<char> prefix, ReadOnlySpan<char> path, QueryString query)
    {
        // A transform may leave an empty path, and an exact URI does not add the slash that a request line needs.
        var isBare = path.IsEmpty && prefix[(prefix.IndexOf("://") + 3)..].IndexOf('/') < 0;
        return new Uri(string.Concat(prefix, isBare ? "/" : path, query.Value), Exact);
    }

    /// <summary>The length of the longest common suffix that begins with a slash, and the number of slashes in it.</summary>
    private static int CommonSuffixLength(ReadOnlySpan<char> before, ReadOnlySpan<char> after, out int slashes)
    {
        var length = 0;
        slashes = 0;
        for (var i = 1; i <= before.Length && i <= after.Length && before[^i] == after[^i]; i++)
        {
            if (after[^i] == '/')
            {
                length = i;
                slashes++;
            }
        }

        return length;
    }
}
