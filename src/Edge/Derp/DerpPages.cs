using System.Text;
using Edge.Derp.Bootstrap;

namespace Edge.Derp;

/// <summary>The small pages of a DERP node for tailnet clients and browsers (derp.md §1.6).</summary>
internal static class DerpPages
{
    private const int LongestChallenge = 64;

    /// <summary>Answers a request for one of the pages; null when the path is another one.</summary>
    public static Task? Answer(HttpContext context) => context.Request.Path.Value switch
    {
        "/derp/probe" or "/derp/latency-check" => ProbeAsync(context),
        "/generate_204" => Generate204Async(context),
        "/robots.txt" => TextAsync(context, "text/plain; charset=utf-8", "User-agent: *\nDisallow: /\n"),
        "/bootstrap-dns" => BootstrapDnsAsync(context),
        _ => null,
    };

    /// <summary>Writes a body with Content-Length instead of chunks, as derper does.</summary>
    public static Task WriteAsync(HttpContext context, ReadOnlyMemory<byte> body)
    {
        context.Response.ContentLength = body.Length;
        return context.Response.Body.WriteAsync(body).AsTask();
    }

    private static Task ProbeAsync(HttpContext context)
    {
        if (!HttpMethods.IsGet(context.Request.Method) && !HttpMethods.IsHead(context.Request.Method))
        {
            context.Response.StatusCode = StatusCodes.Status405MethodNotAllowed;
            context.Response.ContentType = "text/plain; charset=utf-8";
            context.Response.Headers.XContentTypeOptions = "nosniff";
            return WriteAsync(context, "bogus probe method\n"u8.ToArray());
        }

        context.Response.Headers.AccessControlAllowOrigin = "*";
        return Task.CompletedTask;
    }

    private static Task Generate204Async(HttpContext context)
    {
        var response = context.Response;
        response.StatusCode = StatusCodes.Status204NoContent;
        response.Headers.CacheControl = "no-cache, no-store, must-revalidate, no-transform, max-age=0";
        var challenge = context.Request.Headers["X-Tailscale-Challenge"].ToString();
        if (challenge.Length is > 0 and <= LongestChallenge
            && challenge.All(static c => char.IsAsciiLetterOrDigit(c) || c is '.' or '_' or ':' or '-'))
        {
            response.Headers["X-Tailscale-Response"] = $"response {challenge}";
        }

        return Task.CompletedTask;
    }

    private static Task BootstrapDnsAsync(HttpContext context)
    {
        context.Response.Headers.Connection = "close";
        var dns = context.RequestServices.GetRequiredService<BootstrapDns>();
        return WriteAsync(context, "application/json", dns.Answer(context.Request.Query["q"]));
    }

    private static Task TextAsync(HttpContext context, string type, string body) =>
        WriteAsync(context, type, Encoding.ASCII.GetBytes(body));

    private static Task WriteAsync(HttpContext context, string type, ReadOnlyMemory<byte> body)
    {
        var headers = context.Response.Headers;
        headers.StrictTransportSecurity = "max-age=63072000; includeSubDomains";
        headers.ContentSecurityPolicy =
            "default-src 'self'; frame-ancestors 'none'; form-action 'self'; base-uri 'self'; block-all-mixed-content; object-src 'none'";
        headers.XFrameOptions = "DENY";
        headers.XContentTypeOptions = "nosniff";
        headers.ContentType = type;
        return WriteAsync(context, body);
    }
}
