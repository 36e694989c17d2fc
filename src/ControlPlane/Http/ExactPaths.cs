using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.AspNetCore.Routing.Patterns;

namespace ControlPlane.Http;

/// <summary>
/// Middleware that answers 404 where a path matches its route only without regard to case or a final slash. ASP.NET Core's routing ignores
/// both, and the Coder server ignores neither. An edge in front matches path prefixes exactly: another spelling must not bypass its rules.
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

            // The slash counts as the first character of the segment.
            var length = rest[1..].IndexOf('/') is var next and >= 0 ? next + 1 : rest.Length;
            if (segment.Parts[0] is RoutePatternLiteralPart literal && !rest[1..length].SequenceEqual(literal.Content))
            {
                return false;
            }

            rest = rest[length..];
        }

        // Only the pattern "/api/v2/" ends with a slash.
        return rest.IsEmpty || (pattern.RawText?.EndsWith('/') == true && rest is "/");
    }
}
