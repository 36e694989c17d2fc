using System.Net;

namespace Edge.Proxy;

/// <summary>
/// Takes API servers' answers for broken that the forwarder would fail over, or pass on wrongly: a 101, since streams do not come this way
/// and nobody has asked for one; and a 205 with a body, which it must not have (RFC 9110 §15.3.6). Removes the headers of this one
/// connection.
/// </summary>
internal sealed class AnswerRules(HttpMessageHandler inner) : DelegatingHandler(inner)
{
    protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        var answer = await base.SendAsync(request, cancellationToken);
        ConnectionOptions.Remove(answer);
        var fault = answer.StatusCode switch
        {
            HttpStatusCode.SwitchingProtocols => "The API server switched protocols unasked.",
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
