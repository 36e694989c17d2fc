using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace ControlPlane.Http;

/// <summary>
/// Maps a path with all its methods. Other methods get 405 from the handler, not from the router, so that authentication runs first: the
/// Coder server too authenticates a request before it checks the method.
/// </summary>
internal static class ApiRoutes
{
    public const string Root = "/api/v2";

    public static void MapRoute(this IEndpointRouteBuilder routes, string pattern, string method, RequestDelegate handler) =>
        routes.MapRoute(pattern, (method, handler));

    /// <summary>Maps a path with several methods.</summary>
    public static void MapRoute(
        this IEndpointRouteBuilder routes, string pattern, params (string Method, RequestDelegate Handler)[] methods) =>
        routes.Map(pattern, OnlyMethods(methods)).WithMethods(methods.Select(static one => one.Method));

    /// <summary>Adds the endpoint's methods to its metadata, for the OpenAPI document.</summary>
    public static void WithMethods(this IEndpointConventionBuilder endpoint, params IEnumerable<string> methods) =>
        endpoint.WithMetadata(new RouteMethods([.. methods]));

    public static Task NotFound(HttpContext context) => context.WriteAsync(StatusCodes.Status404NotFound, ApiError.RouteNotFound);

    /// <summary>A handler that answers 405 with <c>Allow</c> to any other method.</summary>
    public static RequestDelegate OnlyMethods(params (string Method, RequestDelegate Handler)[] methods) => context =>
        HandlerOf(context, methods) is { } handler ? handler(context) : NotAllowed(context, methods);

    /// <summary>A handler that runs after authentication, which passes the caller as a <typeparamref name="T"/>.</summary>
    public static Func<HttpContext, T, Task> OnlyMethods<T>(params (string Method, Func<HttpContext, T, Task> Handler)[] methods) =>
        (context, caller) => HandlerOf(context, methods) is { } handler ? handler(context, caller) : NotAllowed(context, methods);

    private static THandler? HandlerOf<THandler>(HttpContext context, (string Method, THandler Handler)[] methods)
        where THandler : class
    {
        foreach (var (method, handler) in methods)
        {
            if (HttpMethods.Equals(context.Request.Method, method))
            {
                return handler;
            }
        }

        return null;
    }

    private static Task NotAllowed<THandler>(HttpContext context, (string Method, THandler Handler)[] methods)
    {
        context.Response.Headers.Allow = string.Join(", ", methods.Select(static one => one.Method));
        return context.WriteAsync(StatusCodes.Status405MethodNotAllowed, ApiError.MethodNotAllowed);
    }
}

/// <summary>The methods of an endpoint that <see cref="ApiRoutes"/> has mapped.</summary>
internal sealed record RouteMethods(IReadOnlyList<string> Methods);
