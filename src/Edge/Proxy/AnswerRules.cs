using System.Net;

namespace Edge.Proxy;

/// <summary>
/// Refuses responses of API servers that YARP would fail on or forward wrongly: a 101, because upgrades do not take this path, and
/// a 205 with a body, which it must not have (RFC 9110 §15.3.6). It also removes the headers of the connection to the API server.
/// </summary>
internal sealed class AnswerRules(HttpMessageHandler inner) : DelegatingHandler(inner)
{
    protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        var answer = await base.SendAsync(request, cancellationToken);
        ConnectionOptions.Remove(answer);
        var fault = answer.StatusCode switch
        {
            HttpStatusCode.SwitchingProtocols => "The API server sent 101 without a request for an upgrade.",
            HttpStatusCode.ResetContent when await HasBodyAsync(answer, cancellationToken) => "The API server sent a body with 205.",
            _ => null,
        };
        if (fault is null)
        {
            return answer;
        }

        answer.Dispose();
        throw new HttpRequestException(HttpRequestError.InvalidResponse, fault);
    }

    private static async Task<bool> HasBodyAsync(HttpResponseMessage answer, CancellationToken cancellation)
    {
        if (answer.Content.Headers.ContentLength is { } length)
        {
            return length > 0;
        }

        var body = await answer.Content.ReadAsStreamAsync(cancellation);
        return await body.ReadAsync(new byte[1], cancellation) > 0;
    }
}
