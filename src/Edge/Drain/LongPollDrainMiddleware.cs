using Edge.Http;
using Microsoft.AspNetCore.Http.Features;

namespace Edge.Drain;

/// <summary>
/// Requests that wait for news, for as long as that takes (<c>me/external-auth?listen</c>, <c>me/gitauth?listen</c>, <c>me/reinit</c>): a node that stops
/// does not wait for them. One that has no answer yet gets 503, an event stream ends, and the client asks again, elsewhere.
/// </summary>
internal sealed class LongPollDrainMiddleware(RequestDelegate next, IHostApplicationLifetime host)
{
    private const string Agent = "/api/v2/workspaceagents/me/";

    private static readonly TimeSpan RetrySoon = TimeSpan.FromSeconds(1);

    /// <summary>Runs the rest of the pipeline, as if the client had gone once the node stops.</summary>
    public async Task InvokeAsync(HttpContext context)
    {
        if (!Waits(context.Request) || context.Features.Get<IHttpRequestLifetimeFeature>() is not { } client)
        {
            await next(context);
            return;
        }

        var reset = context.Features.Get<IHttpResetFeature>();
        using var lifetime = new Lifetime(client, host.ApplicationStopping);
        context.Features.Set<IHttpRequestLifetimeFeature>(lifetime);
        context.Features.Set<IHttpResetFeature>(null);
        try
        {
            await next(context);
        }
        finally
        {
            context.Features.Set(client);
            context.Features.Set(reset);
        }

        if (host.ApplicationStopping.IsCancellationRequested && !client.RequestAborted.IsCancellationRequested && !context.Response.HasStarted
            && context.Response.StatusCode >= StatusCodes.Status400BadRequest)
        {
            await new ApiError("The server is shutting down.", "Ask again.").WriteAsync(context, StatusCodes.Status503ServiceUnavailable, RetrySoon);
        }
    }

    private static bool Waits(HttpRequest request)
    {
        if (!HttpMethods.IsGet(request.Method) || request.Path.Value is not { } path || !path.StartsWith(Agent, StringComparison.Ordinal))
        {
            return false;
        }

        return path.AsSpan(Agent.Length) switch
        {
            "reinit" => true,
            "external-auth" or "gitauth" => request.Query.ContainsKey("listen"),
            _ => false,
        };
    }

    /// <summary>Ends with the client or with the node; only the first breaks the connection off.</summary>
    private sealed class Lifetime : IHttpRequestLifetimeFeature, IDisposable
    {
        private readonly IHttpRequestLifetimeFeature _client;
        private readonly CancellationTokenSource _either;

        public Lifetime(IHttpRequestLifetimeFeature client, CancellationToken stopping)
        {
            _client = client;
            _either = CancellationTokenSource.CreateLinkedTokenSource(client.RequestAborted, stopping);
            Stopping = stopping;
            RequestAborted = _either.Token;
        }

        public CancellationToken RequestAborted { get; set; }

        private CancellationToken Stopping { get; }

        public void Abort()
        {
            if (!Stopping.IsCancellationRequested)
            {
                _client.Abort();
            }
        }

        public void Dispose() => _either.Dispose();
    }
}
