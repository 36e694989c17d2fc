using ControlPlane.Agents;
using ControlPlane.Http;
using ControlPlane.Storage;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Primitives;

namespace ControlPlane.ExternalAuth;

/// <summary><c>GET me/external-auth</c> and its old name <c>me/gitauth</c> (tailnet.md §1.3-9).</summary>
internal sealed class ExternalAuthApi(
    ExternalAuthProviders providers,
    ExternalAuthStore store,
    ExternalAuthSignals signals,
    AgentStore agents,
    ControlPlaneOptions options,
    TimeProvider time,
    IHostApplicationLifetime lifetime,
    ILogger<ExternalAuthApi> logger)
{
    private static readonly ExternalAuthJson Json = ExternalAuthJson.Wire;

    public async Task GetAsync(HttpContext context, Agent agent)
    {
        var query = context.Request.Query;
        var match = First(query["match"]) is { Length: > 0 } text ? text : First(query["url"]); // The oldest agents send "url".
        var id = First(query["id"]);
        if ((match.Length > 0) == (id.Length > 0))
        {
            await context.WriteAsync(
                StatusCodes.Status400BadRequest,
                new ApiError(match.Length > 0
                    ? "'url' and 'id' cannot be provided together."
                    : "'url' or 'id' must be provided as query parameters."));
            return;
        }

        if ((id.Length > 0 ? providers.FindById(id) : providers.Match(match)) is not { } provider)
        {
            await context.WriteAsync(
                StatusCodes.Status404NotFound,
                new ApiError(
                    id.Length > 0
                        ? $"No external auth provider has the id \"{id}\"."
                        : $"No matching external auth provider found for the url \"{match}\".",
                    DescribeProviders()));
            return;
        }

        // The presence of the parameter counts, even as listen=false, as in Coder's server.
        await AnswerAsync(context, agent, provider, query.ContainsKey("listen"));
    }

    /// <summary>Answers the request. With <paramref name="listen"/> it is a long poll, which waits for a token without a limit.</summary>
    private async Task AnswerAsync(HttpContext context, Agent agent, ExternalAuthProvider provider, bool listen)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(context.RequestAborted, lifetime.ApplicationStopping);
        while (true)
        {
            var changed = signals.Next(agent.OwnerId);
            var token = provider.TokenFile is { } file
                ? await TokenFile.ReadAsync(file, logger, context.RequestAborted)
                : await store.FindAsync(agent.OwnerId, provider.Id);
            if (token?.IsValid(time.GetUtcNow()) == true)
            {
                await context.WriteAsync(StatusCodes.Status200OK, ExternalAuthAnswer.Of(provider, token), Json.ExternalAuthAnswer);
                return;
            }

            if (provider.TokenFile is not null)
            {
                await RetryAsync(context, new ApiError("The token of this provider cannot be read.", "The server's log has the cause."));
                return;
            }

            if (!listen)
            {
                await context.WriteAsync(StatusCodes.Status200OK, ExternalAuthAnswer.NotLinked(provider), Json.ExternalAuthAnswer);
                return;
            }

            try
            {
                await Signals.WaitAsync(changed, options.ExternalAuthRecheck, time, stop.Token);
            }
            catch (OperationCanceledException) when (!context.RequestAborted.IsCancellationRequested)
            {
                await RetryAsync(context, new ApiError("The server is shutting down.", "Retry the request."));
                return;
            }

            // During the wait the workspace may have got another owner, or the agent been deleted.
            if (await agents.FindAsync(agent.Id) is not { } current)
            {
                await context.WriteAsync(StatusCodes.Status401Unauthorized, ApiError.AgentNotAuthorized);
                return;
            }

            agent = current;
        }
    }

    // Clients do not retry after 4xx and 500.
    private static Task RetryAsync(HttpContext context, ApiError error)
    {
        context.Response.Headers.RetryAfter = "1";
        return context.WriteAsync(StatusCodes.Status503ServiceUnavailable, error);
    }

    private static string First(StringValues values) => values is [{ } value, ..] ? value : "";

    private string DescribeProviders() => providers.All.Count == 0
        ? "No external auth provider is configured."
        : "The configured providers are: " + string.Join(", ", providers.All.Select(static provider => provider.Pattern is { } pattern
            ? $"{provider.Id}=\"{pattern}\""
            : provider.Id)) + ".";
}
