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
        var segments = path.Split('/');
        var index = 1; // a path begins with a slash
        foreach (var segment in pattern.PathSegments)
        {
            switch (segment.Parts[0])
            {
                case RoutePatternParameterPart { IsCatchAll: true }:
                    return true;
                case RoutePatternLiteralPart literal when index >= segments.Length || segments[index] != literal.Content:
                    return false;
            }

            index++;
        }

        // "/api/v2/" alone is spelt with its slash.
        return index == segments.Length || (pattern.RawText?.EndsWith('/') == true && index + 1 == segments.Length && segments[index].Length == 0);
    }
}
