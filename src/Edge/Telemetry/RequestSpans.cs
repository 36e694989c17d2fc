using System.Diagnostics;
using System.Globalization;
using Microsoft.AspNetCore.Http.Features;

namespace Edge.Telemetry;

/// <summary>
/// Adds to a request's span what .NET 10 leaves out: its result, its route, and a name made of them, as OpenTelemetry's HTTP conventions
/// say. As a startup filter it runs before all other middleware.
/// </summary>
internal sealed class RequestSpans : IStartupFilter
{
    public Action<IApplicationBuilder> Configure(Action<IApplicationBuilder> next) => app =>
    {
        app.Use(static async (context, next) =>
        {
            try
            {
                await next(context);
            }
            finally
            {
                if (context.Features.Get<IHttpActivityFeature>()?.Activity is { IsStopped: false } activity)
                {
                    Describe(activity, context);
                }
            }
        });
        next(app);
    };

    /// <summary>Writes the request's result on its span.</summary>
    public static void Describe(Activity activity, HttpContext context)
    {
        if (!activity.IsAllDataRequested)
        {
            return;
        }

        var status = context.Response.StatusCode;
        activity.SetTag("http.response.status_code", status);
        if (status >= 500)
        {
            activity.SetTag("error.type", status.ToString(CultureInfo.InvariantCulture));
            activity.SetStatus(ActivityStatusCode.Error);
        }

        // The server's own tag: a made-up method is "_OTHER" there.
        var method = activity.GetTagItem("http.request.method") as string is { } known && known != "_OTHER" ? known : "HTTP";
        var route = (context.GetEndpoint() as RouteEndpoint)?.RoutePattern.RawText;
        activity.SetTag("http.route", route);
        activity.DisplayName = string.IsNullOrEmpty(route) ? method : $"{method} {route}";
    }
}
