using Edge.Http;
using Microsoft.AspNetCore.Http.Features;

namespace Edge.Drain;

/// <summary>
/// Ends long polls when the node stops (<c>me/external-auth?listen</c>, <c>me/gitauth?listen</c>, <c>me/reinit</c>), instead of waiting
/// for them. A request without an answer gets 503, an event stream ends, and the client repeats its request at another node.
/// </summary>
internal sealed class LongPollDrainMiddleware(RequestDelegate next, IHostApplicationLifetime host)
{
    private const string Agent = "/api/v2/workspaceagents/me/";

    private static readonly TimeSpan RetrySoon = TimeSpan.FromSeconds(1);

    /// <summary>Runs the rest of the pipeline. When the node stops, it sees the request as aborted by the client.</summary>
    public async Task InvokeAsync(HttpContext context)
    {
        if (!IsLongPoll(context.Request) || context.Features.Get<IHttpRequestLifetimeFeature>() is not { } client)
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

        if (host.ApplicationStopping.IsCancellationRequested
            && !client.RequestAborted.IsCancellationRequested
            && !context.Response.HasStarted
            && context.Response.StatusCode >= StatusCodes.Status400BadRequest)
        {
            await new EdgeError("The server is shutting down.", "Repeat the request.")
                .WriteAsync(context, StatusCodes.Status503ServiceUnavailable, RetrySoon);
        }
    }

    private static bool IsLongPoll(HttpRequest request)
    {
        if (!HttpMethods.IsGet(request.Method)
            || request.Path.Value is not { } path
            || !path.StartsWith(Agent, StringComparison.Ordinal))
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

    /// <summary>Is cancelled when the client disconnects or the node stops. Only in the first case Abort closes the connection.</summary>
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
