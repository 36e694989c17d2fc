using System.Net;

namespace Attack;

/// <summary>The paths that servers might take a target for, from the plain reading to the most helpful one.</summary>
internal static class PathReadings
{
    public static IEnumerable<string> Of(string target)
    {
        foreach (var decodings in new[] { 0, 1, 2 })
        {
            var path = target.Split('?')[0];
            for (var i = 0; i < decodings; i++)
            {
                path = WebUtility.UrlDecode(path.Replace("+", "%2b", StringComparison.Ordinal));
            }

            foreach (var slashed in new[] { path, path.Replace('\\', '/') })
            {
                foreach (var dropped in new[]
                {
                    slashed, string.Join('/', slashed.Split('/').Select(static segment => segment.Split(';')[0])),
                })
                {
                    var trimmed = string.Join(
                        '/', dropped.Split('/').Select(static segment => segment is "." or ".." ? segment : segment.TrimEnd('.', ' ')));
                    yield return Resolve(dropped, keepEmpty: true);
                    yield return Resolve(dropped, keepEmpty: false);
                    yield return Resolve(dropped, keepEmpty: false).ToLowerInvariant();
                    yield return Resolve(trimmed, keepEmpty: false).ToLowerInvariant();
                }
            }
        }
    }

    /// <summary>RFC 3986 §5.2.4.</summary>
    private static string Resolve(string path, bool keepEmpty)
    {
        var segments = new List<string>();
        foreach (var segment in path.Split('/').Skip(1))
        {
            if (segment == "..")
            {
                segments = segments[..Math.Max(0, segments.Count - 1)];
            }
            else if (segment != "." && (keepEmpty || segment.Length > 0))
            {
                segments.Add(segment);
            }
        }

        return "/" + string.Join('/', segments);
    }
}
