using System.Text;
using ControlPlane.Http;
using ControlPlane.Users;
using Microsoft.AspNetCore.Http;

namespace ControlPlane.Terminals;

/// <summary>
/// <c>/terminal/{agent}</c>: a terminal in the browser. Whoever posts a session token here gets it as cookies that scripts cannot read, that
/// no other site can send, and that reach this page and this agent's terminal alone: not the rest of the API.
/// </summary>
internal sealed class TerminalPage(UserAuthentication users)
{
    public const string RouteParameter = "agent";

    private const int MaxFormBytes = 4096;

    private const string NoToken = "Enter a session token.";
    private const string NotValid =
        "This session token is not valid. It was mistyped, deleted or rotated, has expired, or its user is suspended.";
    private const string NoLongerValid =
        "You are signed out: this browser's session token is not valid any more. It was deleted or rotated, has expired, "
        + "or its user is suspended.";

    // xterm.js makes style elements of its own; nothing is loaded from elsewhere.
    private const string ContentPolicy =
        "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self'; "
        + "base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

    public async Task GetAsync(HttpContext context)
    {
        if (!GoUuid.TryParse(context.Request.RouteValues[RouteParameter] as string, out _))
        {
            await ApiRoutes.NotFound(context);
            return;
        }

        if (await users.FindAsync(context) is null)
        {
            await WriteAsync(context, SignIn(RequestToken.Find(context.Request).Length > 0 ? NoLongerValid : null));
            return;
        }

        await WriteAsync(context, TerminalAssets.Page(TerminalAssets.IsBuilt ? "terminal.html" : "missing.html"));
    }

    /// <summary>Signs in with <c>token</c>, or out with <c>sign_out</c>; then the page is asked for again.</summary>
    public async Task PostAsync(HttpContext context)
    {
        if (!GoUuid.TryParse(context.Request.RouteValues[RouteParameter] as string, out var agent))
        {
            await ApiRoutes.NotFound(context);
            return;
        }

        // Signing somebody in or out from another page is a forgery too. Browsers say where a form comes from.
        if (SameOrigin.IsForeign(context.Request))
        {
            await context.WriteAsync(StatusCodes.Status403Forbidden, new ApiError("The form comes from another site."));
            return;
        }

        if (await ReadFormAsync(context) is not { } form)
        {
            await context.WriteAsync(StatusCodes.Status400BadRequest, new ApiError("Expected a form of at most 4,096 bytes."));
            return;
        }

        var token = form["token"].ToString().Trim();
        var signsOut = form.ContainsKey("sign_out");
        if (!signsOut && await users.FindAsync(token, context.RequestAborted) is null)
        {
            await WriteAsync(context, SignIn(token.Length > 0 ? NotValid : NoToken), StatusCodes.Status401Unauthorized);
            return;
        }

        var isHttps = context.Request.IsHttps || string.Equals(context.Request.Headers["X-Forwarded-Proto"], "https", StringComparison.OrdinalIgnoreCase);
        foreach (var path in new[] { context.Request.Path.Value!, $"/api/v2/workspaceagents/{context.Request.RouteValues[RouteParameter]}/pty" })
        {
            var cookie = new CookieOptions { HttpOnly = true, SameSite = SameSiteMode.Strict, Secure = isHttps, Path = path };
            if (signsOut)
            {
                context.Response.Cookies.Delete(RequestToken.CookieName, cookie);
            }
            else
            {
                context.Response.Cookies.Append(RequestToken.CookieName, token, cookie);
            }
        }

        context.Response.Headers.CacheControl = "no-store";
        context.Response.Headers.Location = context.Request.Path.Value;
        context.Response.StatusCode = StatusCodes.Status303SeeOther;
    }

    /// <summary>A file that the page loads. They are the same for everybody.</summary>
    public static async Task GetAssetAsync(HttpContext context)
    {
        if (TerminalAssets.Find(context.Request.RouteValues["file"] as string ?? "") is not var (type, bytes))
        {
            await ApiRoutes.NotFound(context);
            return;
        }

        context.Response.ContentType = type;
        context.Response.Headers.XContentTypeOptions = "nosniff";
        context.Response.Headers.CacheControl = "no-cache";
        await context.WritePiecesAsync(bytes);
    }

    private static async Task<IFormCollection?> ReadFormAsync(HttpContext context)
    {
        if (!context.Request.HasFormContentType || context.Request.ContentLength is not <= MaxFormBytes)
        {
            return null;
        }

        try
        {
            return await context.Request.ReadFormAsync(context.RequestAborted);
        }
        catch (Exception error) when (error is InvalidDataException or BadHttpRequestException)
        {
            return null;
        }
    }

    /// <summary>The form, with a reason of this file's own above it.</summary>
    private static byte[] SignIn(string? reason)
    {
        var shown = reason is null ? "" : $"<p class=\"wrong\" role=\"alert\">{reason}</p>";
        var form = Encoding.UTF8.GetString(TerminalAssets.Page("sign-in.html"));
        return Encoding.UTF8.GetBytes(form.Replace("<!--reason-->", shown, StringComparison.Ordinal));
    }

    private static async Task WriteAsync(HttpContext context, byte[] page, int status = StatusCodes.Status200OK)
    {
        var headers = context.Response.Headers;
        context.Response.StatusCode = status;
        context.Response.ContentType = "text/html; charset=utf-8";
        headers.ContentSecurityPolicy = ContentPolicy;
        headers.XContentTypeOptions = "nosniff";
        headers.XFrameOptions = "DENY";
        // Not "no-referrer": with it browsers send "Origin: null" with the form.
        headers["Referrer-Policy"] = "same-origin";
        headers["Cross-Origin-Opener-Policy"] = "same-origin";
        headers.CacheControl = "no-store";
        await context.Response.Body.WriteAsync(page, context.RequestAborted);
    }
}
