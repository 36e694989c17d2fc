using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.AspNetCore.Routing.Patterns;

namespace ControlPlane.Http;

/// <summary>
/// Routing here ignores case and a final slash; the real server does neither. An edge in front decides by path prefixes, so a
/// spelling that it does not know must not reach a route that it guards.
/// </summary>
internal static class ExactPaths
{
    public static Task InvokeAsync(HttpContext context, RequestDelegate next)
    {
        if (context.GetEndpoint() is RouteEndpoint endpoint && !Matches(endpoint.RoutePattern, context.Request.Path.Value ?? ""))
        {
            context.SetEndpoint(null);
            return ApiRoutes.NotFound(context);
        }

        return next(context);
    }

    internal static bool Matches(RoutePattern pattern, string path)
    {
        var rest = path.AsSpan();
        foreach (var segment in pattern.PathSegments)
        {
            if (segment.Parts[0] is RoutePatternParameterPart { IsCatchAll: true })
            {
                return true;
            }

            if (rest.IsEmpty)
            {
                return false;
            }

            // A segment begins with its slash.
            var length = rest[1..].IndexOf('/') is var next and >= 0 ? next + 1 : rest.Length;
            if (segment.Parts[0] is RoutePatternLiteralPart literal && !rest[1..length].SequenceEqual(literal.Content))
            {
                return false;
            }

            rest = rest[length..];
        }

        // "/api/v2/" alone is spelt with its slash.
        return rest.IsEmpty || (pattern.RawText?.EndsWith('/') == true && rest is "/");
    }
}
