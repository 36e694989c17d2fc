namespace Edge.Http;

/// <summary>Gives every request an <c>X-Request-ID</c>: the client's if it is well-formed, otherwise a new one.</summary>
internal static class RequestId
{
    private const string Name = "X-Request-ID";

    private const int MaxLength = 128;

    public static Task AssignAsync(HttpContext context, RequestDelegate next)
    {
        var given = context.Request.Headers[Name].ToString();
        var id = IsWellFormed(given) ? given : New();
        context.TraceIdentifier = id;
        context.Request.Headers[Name] = id;
        context.Response.OnStarting(static state =>
        {
            var context = (HttpContext)state;
            context.Response.Headers[Name] = context.TraceIdentifier;
            return Task.CompletedTask;
        }, context);
        return next(context);
    }

    // Ids need not be unguessable, so this avoids the system call of a new Guid.
    private static string New()
    {
        Span<byte> bytes = stackalloc byte[16];
        Random.Shared.NextBytes(bytes);
        return Convert.ToHexStringLower(bytes);
    }

    private static bool IsWellFormed(string id) => id.Length is > 0 and <= MaxLength
        && id.All(static c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_' or '.' or ':' or '+' or '/' or '=');
}
