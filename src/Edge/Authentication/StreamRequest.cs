using Microsoft.AspNetCore.Http.Features;

namespace Edge.Authentication;

/// <summary>Tells requests that open a WebSocket from all others.</summary>
internal static class StreamRequest
{
    /// <summary>A WebSocket opening over HTTP/1.1 (RFC 6455, 4.1) or over HTTP/2 (RFC 8441, 4).</summary>
    public static bool Is(HttpContext context)
    {
        if (context.Features.Get<IHttpExtendedConnectFeature>() is { IsExtendedConnect: true } connect)
        {
            return string.Equals(connect.Protocol, "websocket", StringComparison.OrdinalIgnoreCase);
        }

        var request = context.Request;
        return HttpProtocol.IsHttp11(request.Protocol)
            && HttpMethods.IsGet(request.Method)
            && HasToken(request.Headers.Connection, "upgrade")
            && HasToken(request.Headers.Upgrade, "websocket");
    }

    private static bool HasToken(Microsoft.Extensions.Primitives.StringValues header, string token)
    {
        foreach (var value in header)
        {
            foreach (var range in value.AsSpan().Split(','))
            {
                if (value.AsSpan(range).Trim().Equals(token, StringComparison.OrdinalIgnoreCase))
                {
                    return true;
                }
            }
        }

        return false;
    }
}
