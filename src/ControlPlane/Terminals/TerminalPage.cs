using System.Text;
using ControlPlane.Http;
using ControlPlane.Users;
using Microsoft.AspNetCore.Http;

namespace ControlPlane.Terminals;

/// <summary>
/// <c>/terminal/{agent}</c>: a terminal in the browser. A form posts the session token, and the response sets it as cookies. The cookies
/// are HttpOnly and SameSite=Strict, and their paths are this page and this agent's terminal, so that they do not reach the rest of the
/// API.
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

    // xterm.js creates style elements, which need 'unsafe-inline'. The page loads nothing from other sites.
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

    /// <summary>Signs in with the field <c>token</c>, or out with <c>sign_out</c>, and redirects to the page.</summary>
    public async Task PostAsync(HttpContext context)
    {
        if (!GoUuid.TryParse(context.Request.RouteValues[RouteParameter] as string, out var agent))
        {
            await ApiRoutes.NotFound(context);
            return;
        }

        // A form of another site could sign a user in or out (login CSRF). Browsers send the form's origin.
        if (SameOrigin.IsCrossOrigin(context.Request))
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

        var isHttps = context.Request.IsHttps
            || string.Equals(context.Request.Headers["X-Forwarded-Proto"], "https", StringComparison.OrdinalIgnoreCase);
        var terminalPath = $"/api/v2/workspaceagents/{context.Request.RouteValues[RouteParameter]}/pty";
        foreach (var path in new[] { context.Request.Path.Value!, terminalPath })
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

    /// <summary>Sends a script or style sheet of the page. It needs no credentials, since the files are the same for all users.</summary>
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
        await context.WriteChunksAsync(bytes);
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

    /// <summary>
    /// The sign-in form with a message above it. The message is a constant of this type, so that it needs no HTML encoding.
    /// </summary>
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

        // With "no-referrer" browsers would send "Origin: null" with the form.
        headers["Referrer-Policy"] = "same-origin";
        headers["Cross-Origin-Opener-Policy"] = "same-origin";
        headers.CacheControl = "no-store";
        await context.Response.Body.WriteAsync(page, context.RequestAborted);
    }
}
