using ControlPlane.Access;
using ControlPlane.Agents;
using ControlPlane.Http;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Tailnet.Ip.Tcp;

namespace ControlPlane.Dialing;

/// <summary><c>GET {id}/tcp?port=N</c>: a TCP connection to the agent over a WebSocket (docs/wire/agent-tcp.md).</summary>
internal sealed class TcpApi(
    AgentDialing dialing, ControlPlaneOptions options, TimeProvider time, IHostApplicationLifetime lifetime, ILogger<TcpSocket> logger)
{
    private readonly UserConcurrencyLimiter _limiter = new(options.MaxTcpConnectionsPerUser);

    public async Task GetAsync(HttpContext context, Agent agent)
    {
        if (!AgentPort.TryRead(context.Request.Query, out var port))
        {
            await context.WriteAsync(
                StatusCodes.Status400BadRequest,
                new ApiError("Query parameters have invalid values.", null, [new ApiValidation(AgentPort.Parameter, AgentPort.Allowed)]));
            return;
        }

        if (!await WebSocketUpgrade.IsHandshakeAsync(context))
        {
            return;
        }

        // The caller is the agent's owner: other users get 404.
        using var lease = _limiter.TryAcquire(agent.OwnerId);
        if (lease is null)
        {
            context.Response.Headers.RetryAfter = "1";
            await context.WriteAsync(StatusCodes.Status429TooManyRequests, new ApiError(
                "Too many TCP connections to agents are open at once.",
                FormattableString.Invariant($"A user may have {options.MaxTcpConnectionsPerUser}. Close some, and try again.")));
            return;
        }

        // The connection comes first, so that a failed dial is an HTTP error, which clients can read.
        var stream = await dialing.CallAsync(
            context, agent, (dialer, cancellation) => dialer.DialAsync(agent.Id, port, options.AgentCallTimeout, cancellation));
        if (stream is not null)
        {
            await using (stream)
            {
                await ServeAsync(context, stream);
            }
        }
    }

    private async Task ServeAsync(HttpContext context, AgentStream stream)
    {
        // The server sends pongs, and demands none. While the agent does not read, nobody reads the client's pongs: the framework would
        // then close the connection, or read up to 16 MiB ahead.
        using var socket = await WebSocketUpgrade.AcceptAsync(context, options, pongTimeout: Timeout.InfiniteTimeSpan);
        if (socket is null)
        {
            stream.Abort();
            return;
        }

        await new TcpSocket(socket, stream, options, time, logger).RunAsync(context.RequestAborted, lifetime.ApplicationStopping);
    }
}
