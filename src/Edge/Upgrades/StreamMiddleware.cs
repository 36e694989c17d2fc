using System.Net;
using Edge.Http;
using Edge.Listeners;
using Edge.Telemetry;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Net.Http.Headers;
using Relay.Streams;
using Relay.Streams.Wire;
using Yarp.ReverseProxy.Forwarder;

namespace Edge.Upgrades;

/// <summary>
/// Takes upgrades out of YARP's pipeline, after it has chosen a destination:
/// 1. The destination gets the request's head, with the same transforms as any other request.
/// 2. The client gets any answer other than a valid 101 as it is. There is no stream then.
/// 3. After a valid 101 the stream relay gets the client's and the destination's connections. On HTTP/1.1 the HTTP layer of the
/// client's connection ends; a TLS session stays. On HTTP/2 the request lasts as long as the stream, because the connection has
/// other streams.
/// </summary>
internal sealed partial class StreamMiddleware(
    RequestDelegate next,
    StreamRelay relay,
    StreamConnector connector,
    TerminalResumption terminals,
    TimeProvider time,
    ILogger<StreamMiddleware> logger)
{
    private static readonly UpgradeOptions Options = new();

    public Task InvokeAsync(HttpContext context)
    {
        if (RequestedUpgrade.Recognise(context) is { } upgrade)
        {
            return UpgradeAsync(context, upgrade);
        }

        // YARP's forwarder would forward some of these (a WebSocket by POST, SPDY) and open a tunnel of its own.
        context.Request.Headers.Remove(HeaderNames.Upgrade);
        return next(context);
    }

    private async Task UpgradeAsync(HttpContext context, RequestedUpgrade upgrade)
    {
        var proxy = context.GetReverseProxyFeature();
        if (proxy.AvailableDestinations is not [var destination, ..])
        {
            Fail(context, ForwarderError.NoAvailableDestinations);
            return;
        }

        proxy.ProxiedDestination = destination;
        var address = destination.Model.Config.Address;
        using var request = new HttpRequestMessage { Version = HttpVersion.Version11 };
        await proxy.Route.Transformer.TransformRequestAsync(context, request, address, context.RequestAborted);
        if (context.Response.HasStarted || context.Response.StatusCode != StatusCodes.Status200OK)
        {
            // One of the operator's transforms has answered the request.
            return;
        }

        request.RequestUri ??= RequestUtilities.MakeDestinationAddress(address, context.Request.Path, context.Request.QueryString);
        SocketTransport backend;
        try
        {
            backend = await connector.ConnectAsync(request.RequestUri, proxy.Cluster.Config.HttpClient, context.RequestAborted);
        }
        catch (HttpRequestException error)
        {
            Fail(context, ForwarderError.Request, error);
            return;
        }

        var isDetached = false;
        try
        {
            isDetached = await AskAsync(context, upgrade, proxy.Route.Transformer, backend, BackendRequest.Create(request, upgrade));
        }
        finally
        {
            if (!isDetached)
            {
                await backend.DisposeAsync();
            }
        }
    }

    /// <summary>Sends the upgrade. True when a stream now owns the backend's connection and runs without the request.</summary>
    private async Task<bool> AskAsync(
        HttpContext context, RequestedUpgrade upgrade, HttpTransformer transformer, SocketTransport backend, UpgradeRequest request)
    {
        switch (await BackendUpgrade.SendAsync(backend, request, Options, time, context.RequestAborted))
        {
            case UpgradeAccepted accepted:
                var terminal = TerminalResumption.Find(context, request, accepted);
                return await RelayAsync(context, upgrade, transformer, backend, accepted, terminal);
            case UpgradeRefused refused:
                await RefuseAsync(context, transformer, refused);
                break;
            case UpgradeFailed { Failure: UpgradeFailure.UnwritableRequest }:
                Fail(context, ForwarderError.RequestCreation);
                break;
            case UpgradeFailed { Failure: UpgradeFailure.Timeout }:
                Fail(context, ForwarderError.RequestTimedOut);
                break;
            case UpgradeFailed { Failure: var failure }:
                LogBadAnswer(logger, failure, context.TraceIdentifier);
                Fail(context, ForwarderError.ResponseHeaders);
                break;
        }

        return false;
    }

    private static async Task RefuseAsync(HttpContext context, HttpTransformer transformer, UpgradeRefused refused)
    {
        await CopyHeadAsync(context, transformer, refused.Head, refused.Head.EndToEndHeaders());
        if (refused.Body.Length is { } length and > 0)
        {
            context.Response.ContentLength = length;
        }

        if (await refused.Body.CopyToAsync(context.Response.Body, context.RequestAborted) is not BodyCopyResult.Complete)
        {
            // Otherwise the client would take the received part for the whole body.
            context.Abort();
        }
    }

    private async Task<bool> RelayAsync(
        HttpContext context,
        RequestedUpgrade upgrade,
        HttpTransformer transformer,
        SocketTransport backend,
        UpgradeAccepted accepted,
        ResumableTerminal? terminal)
    {
        await CopyHeadAsync(context, transformer, accepted.Head, accepted.Head.EndToEndHeaders());
        var info = RequestedUpgrade.Describe(context.Request.Path, accepted.Framing);
        var requestId = context.TraceIdentifier;
        if (upgrade.IsExtendedConnect)
        {
            context.Response.StatusCode = StatusCodes.Status200OK;
            context.Response.Headers.Remove("Sec-WebSocket-Accept");
            LiftBodyLimits(context);
            await using var client = new ExtendedConnectTransport(
                context, await context.Features.GetRequiredFeature<IHttpExtendedConnectFeature>().AcceptAsync());
            StreamTelemetry.DetachStream(context);
            await RunAsync(client, backend, info, requestId, terminal);
            return false;
        }

        var connection = context.Features.GetRequiredFeature<IConnectionDetachFeature>();
        context.Response.Headers.Upgrade = upgrade.Protocol;
        connection.TakeOver();
        await context.Features.GetRequiredFeature<IHttpUpgradeFeature>().UpgradeAsync();
        StreamTelemetry.DetachStream(context);
        if (connection.TryDetach(Detached(backend, info, requestId, terminal)))
        {
            return true;
        }

        LogGone(logger, info.Route, requestId);
        return false;
    }

    // A separate method, because a lambda inside RelayAsync would keep its locals alive, and with them the request.
    private Func<SocketTransport, Task> Detached(
        SocketTransport backend, StreamInfo info, string requestId, ResumableTerminal? terminal) => async client =>
        {
            await using (backend)
            {
                await RunAsync(client, backend, info, requestId, terminal);
            }
        };

    private async Task RunAsync(
        StreamTransport client, StreamTransport backend, StreamInfo info, string requestId, ResumableTerminal? terminal)
    {
        if (terminal is not null)
        {
            await using var server = terminals.CreateServer(backend, terminal, out var place);
            try
            {
                await RunAsync(client, server, info, requestId);
            }
            finally
            {
                terminals.Remove(server, place);
            }

            return;
        }

        await RunAsync(client, backend, info, requestId);
    }

    private async Task RunAsync(StreamTransport client, StreamTransport backend, StreamInfo info, string requestId)
    {
        var report = await relay.RunAsync(client, backend, info, CancellationToken.None);
        var reason = report.Reason.Label();
        LogEnded(logger, info.Route, reason, report.BytesToBackend, report.BytesToClient, report.Duration, requestId);
    }

    // The response passes the route's transforms, as in YARP's own forwarder.
    private static async Task CopyHeadAsync(
        HttpContext context, HttpTransformer transformer, ResponseHead head, IEnumerable<HttpHeader> headers)
    {
        using var response = new HttpResponseMessage((HttpStatusCode)head.Status);
        foreach (var header in headers)
        {
            if (!response.Headers.TryAddWithoutValidation(header.Name, header.Value))
            {
                response.Content.Headers.TryAddWithoutValidation(header.Name, header.Value);
            }
        }

        context.Response.StatusCode = head.Status;
        await transformer.TransformResponseAsync(context, response, context.RequestAborted);
    }

    // A stream has no limit of its size, and no minimum data rate.
    private static void LiftBodyLimits(HttpContext context)
    {
        if (context.Features.Get<IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } size)
        {
            size.MaxRequestBodySize = null;
        }

        if (context.Features.Get<Microsoft.AspNetCore.Server.Kestrel.Core.Features.IHttpMinRequestBodyDataRateFeature>() is { } rate)
        {
            rate.MinDataRate = null;
        }
    }

    private static void Fail(HttpContext context, ForwarderError error, Exception? exception = null)
    {
        context.Response.StatusCode = StatusCodes.Status502BadGateway;
        context.Features.Set<IForwarderErrorFeature>(new StreamError(error, exception));
    }

    [LoggerMessage(
        EventId = 1052, Level = LogLevel.Information,
        Message = "The {Route} stream ended: {Reason}, {BytesToBackend} bytes to the API server, "
            + "{BytesToClient} bytes to the client, {Duration}; request id {RequestId}")]
    private static partial void LogEnded(
        ILogger logger, string route, string reason, long bytesToBackend, long bytesToClient, TimeSpan duration, string requestId);

    [LoggerMessage(
        EventId = 1053, Level = LogLevel.Information,
        Message = "The client of a {Route} stream disconnected before the stream began; request id {RequestId}")]
    private static partial void LogGone(ILogger logger, string route, string requestId);

    [LoggerMessage(
        EventId = 1054, Level = LogLevel.Warning,
        Message = "An API server's answer to an upgrade cannot be used: {Failure}; request id {RequestId}")]
    private static partial void LogBadAnswer(ILogger logger, UpgradeFailure failure, string requestId);

    /// <summary>A failure in YARP's terms, so that failover, health checks and error answers treat it like one of the forwarder.</summary>
    private sealed record StreamError(ForwarderError Error, Exception? Exception) : IForwarderErrorFeature;
}
