using System.Buffers;
using System.Globalization;
using System.Text;
using Microsoft.AspNetCore.Http.Features;

namespace Edge.Http;

/// <summary>
/// A request's target as the client sent it (RFC 9112 §3.2). It is forwarded byte for byte. So a path is refused if a server could
/// resolve it to another one than the edge has matched.
/// </summary>
internal static class RequestTarget
{
    private static readonly SearchValues<char> PlainPath = SearchValues.Create([.. Visible.Except("%\\.?#")]);

    private static readonly SearchValues<char> Allowed = SearchValues.Create([.. Visible.Except("#")]);

    private static IEnumerable<char> Visible => Enumerable.Range('!', '~' - '!' + 1).Select(static letter => (char)letter);

    /// <summary>
    /// Checks the target. The absolute form becomes the origin form, as a proxy has to send it (RFC 9112 §3.2.2), with the path and query
    /// of that form: Kestrel resolves and decodes the two forms differently.
    /// </summary>
    /// <returns>Null for a target that can be forwarded, otherwise the error.</returns>
    public static string? Check(HttpContext context)
    {
        var request = context.Features.GetRequiredFeature<IHttpRequestFeature>();
        var target = request.RawTarget;
        if (target.StartsWith('/'))
        {
            return Fault(target);
        }

        if (OriginForm(target) is not { } origin || (origin.Length == 1 && HttpMethods.IsOptions(request.Method)))
        {
            // The absolute form of OPTIONS * is a URL without a path.
            return "The request target has to be a path or a URL with a path.";
        }

        if (Fault(origin) is { } fault)
        {
            return fault;
        }

        var query = origin.IndexOf('?', StringComparison.Ordinal);
        request.RawTarget = origin;
        request.Path = PathString.FromUriComponent(query < 0 ? origin : origin[..query]).Value ?? string.Empty;
        request.QueryString = query < 0 ? string.Empty : origin[query..];
        return null;
    }

    /// <summary>The path as the client sent it, with its escapes. The target has to be checked before.</summary>
    public static ReadOnlySpan<char> RawPath(HttpRequest request)
    {
        var target = request.HttpContext.Features.GetRequiredFeature<IHttpRequestFeature>().RawTarget.AsSpan();
        var query = target.IndexOf('?');
        return query < 0 ? target : target[..query];
    }

    /// <summary>
    /// The path for a server that does not decode unnecessary escapes, such as Go's chi: decoded like <see cref="HttpRequest.Path"/>,
    /// except for escapes of characters that need none (<c>%61</c> for <c>a</c>). Null when the path has none of these.
    /// </summary>
    public static string? EscapedPath(HttpRequest request)
    {
        var path = RawPath(request);
        if (!path.Contains('%'))
        {
            return null;
        }

        var text = new StringBuilder(path.Length);
        var hasEscapes = false;
        for (var i = 0; i < path.Length; i++)
        {
            text.Append(path[i]);
            if (path[i] == '%' && Escaped(path, i) is { } value && NeedsNoEscape((char)value))
            {
                // The percent sign is escaped itself, so that decoding restores the escape.
                text.Append("25");
                hasEscapes = true;
            }
        }

        return hasEscapes ? PathString.FromUriComponent(text.ToString()).Value : null;
    }

    private static string? OriginForm(string target)
    {
        var scheme = target.IndexOf("://", StringComparison.Ordinal);
        if (scheme <= 0)
        {
            return null;
        }

        var path = target.AsSpan(scheme + 3).IndexOfAny("/?#\\");
        if (path < 0)
        {
            return "/";
        }

        var rest = target[(scheme + 3 + path)..];
        return rest[0] == '/' ? rest : "/" + rest;
    }

    private static string? Fault(ReadOnlySpan<char> target)
    {
        if (!target.ContainsAnyExcept(PlainPath))
        {
            return null;
        }

        if (target.ContainsAnyExcept(Allowed))
        {
            return "The request target may have only visible ASCII characters and no fragment; "
                + "other characters have to be percent-encoded.";
        }

        var end = target.IndexOf('?');
        return IsAmbiguous(end < 0 ? target : target[..end])
            ? "The path must have no dot segment (. or ..), no backslash and no null character, percent-encoded or not."
            : null;
    }

    /// <summary>
    /// Whether the decoded path has a backslash, a null character, or a dot segment, also one with a parameter (<c>..;a</c>).
    /// </summary>
    private static bool IsAmbiguous(ReadOnlySpan<char> path)
    {
        // The number of dots in a segment of dots only; negative for other segments.
        var dots = -1;
        for (var i = 0; i < path.Length; i++)
        {
            var value = (int)path[i];
            if (value == '%' && Escaped(path, i) is { } escaped)
            {
                value = escaped;
                i += 2;
            }

            switch (value)
            {
                case 0 or '\\':
                    return true;
                case '/' or ';':
                    if (dots is 1 or 2)
                    {
                        return true;
                    }

                    dots = value == '/' ? 0 : -1;
                    break;
                case '.' when dots >= 0:
                    dots++;
                    break;
                default:
                    dots = -1;
                    break;
            }
        }

        return dots is 1 or 2;
    }

    private static int? Escaped(ReadOnlySpan<char> path, int percent) => percent + 2 < path.Length
        && byte.TryParse(
            path.Slice(percent + 1, 2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var value)
            ? value
            : null;

    /// <summary>RFC 3986 §3.3, <c>pchar</c>.</summary>
    private static bool NeedsNoEscape(char value) =>
        char.IsAsciiLetterOrDigit(value) || "-._~!$&'()*+,;=:@".Contains(value, StringComparison.Ordinal);
}
