using ControlPlane.Agents;
using ControlPlane.Connections;
using ControlPlane.Http;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Hosting;
using Tailnet.Peer;

namespace ControlPlane.Dialing;

/// <summary>Calls agents by the tailnet node, and answers a failed call with an error (docs/wire/agent-tcp.md).</summary>
/// <param name="reach">The agents' connection states, and the node.</param>
/// <param name="lifetime">Its stop ends calls.</param>
internal sealed class AgentDialing(AgentReach reach, IHostApplicationLifetime lifetime)
{
    /// <summary>Calls the agent. Returns null after it has answered the request with an error.</summary>
    /// <exception cref="OperationCanceledException">The client has disconnected.</exception>
    public async Task<T?> CallAsync<T>(HttpContext context, Agent agent, Func<IAgentDialer, CancellationToken, Task<T>> call)
        where T : class
    {
        if (reach.NotConnectedError(agent) is { } error)
        {
            await context.WriteAsync(StatusCodes.Status400BadRequest, new ApiError(error));
            return null;
        }

        // The local agent counts as connected without a session. It takes no part in the tailnet.
        if (reach.DialerFor(agent) is not { } dialer)
        {
            await WriteAsync(context, StatusCodes.Status502BadGateway, AgentConnectionException.NoWay);
            return null;
        }

        using var either = CancellationTokenSource.CreateLinkedTokenSource(context.RequestAborted, lifetime.ApplicationStopping);
        try
        {
            return await call(dialer, either.Token);
        }
        catch (OperationCanceledException) when (!context.RequestAborted.IsCancellationRequested)
        {
            await WriteAsync(context, DialFailure.Stopping, "the server stops");
        }
        catch (DialException exception)
        {
            await WriteAsync(context, exception.Failure, exception.Message);
        }

        return null;
    }

    private static Task WriteAsync(HttpContext context, DialFailure failure, string text) => failure switch
    {
        // Both pass: clients try again, and may then reach another server.
        DialFailure.Busy or DialFailure.Stopping => WriteAsync(context, StatusCodes.Status503ServiceUnavailable, text),
        DialFailure.NoNode => WriteAsync(context, StatusCodes.Status502BadGateway, AgentConnectionException.NoWay),
        _ => WriteAsync(context, StatusCodes.Status502BadGateway, text),
    };

    private static Task WriteAsync(HttpContext context, int status, string detail)
    {
        if (status == StatusCodes.Status503ServiceUnavailable)
        {
            context.Response.Headers.RetryAfter = "1";
        }

        return context.WriteAsync(status, new ApiError("Internal error dialing workspace agent.", detail));
    }
}
