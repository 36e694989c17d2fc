using Relay.Streams.Wire;

namespace Relay.Streams;

/// <summary>Sends an upgrade request to an API server and checks the answer: only a valid 101 opens a tunnel.</summary>
public static class BackendUpgrade
{
    private const string WebSocket = "websocket";

    /// <summary>Sends the request and reads the answer's head.</summary>
    /// <param name="backend">A new connection; the caller disposes it, whatever the result.</param>
    /// <param name="request">The request, after authorisation.</param>
    /// <param name="options">The limits.</param>
    /// <param name="time">The clock for <see cref="UpgradeOptions.Timeout"/>.</param>
    /// <param name="cancellationToken">Ends the attempt, for instance because the client has disconnected.</param>
    /// <exception cref="OperationCanceledException"><paramref name="cancellationToken"/> was cancelled.</exception>
    public static async Task<UpgradeResult> SendAsync(
        StreamTransport backend, UpgradeRequest request, UpgradeOptions options, TimeProvider time, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(backend);
        ArgumentNullException.ThrowIfNull(request);
        ArgumentNullException.ThrowIfNull(options);
        if (request.Protocol is not { Length: > 0 } protocol
            || UpgradeRequestHead.TryWrite(backend.Output, request.Target, request.Headers) != HeadWriteStatus.Written)
        {
            return new UpgradeFailed(UpgradeFailure.UnwritableRequest);
        }

        using var timeout = new CancellationTokenSource(options.Timeout, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(timeout.Token, cancellationToken);
        try
        {
            await backend.Output.FlushAsync(either.Token).ConfigureAwait(false);
            var (status, head) = await ReadHeadAsync(backend, options.HeadLimits, either.Token).ConfigureAwait(false);
            return status switch
            {
                HeadParseStatus.Done => Evaluate(backend, request, protocol, head!),
                HeadParseStatus.NeedMore => new UpgradeFailed(UpgradeFailure.BackendClosed),
                HeadParseStatus.TooLarge => new UpgradeFailed(UpgradeFailure.HeadTooLarge),
                _ => new UpgradeFailed(UpgradeFailure.BadAnswer),
            };
        }
        catch (Exception error) when (TransportFailure.Is(error))
        {
            cancellationToken.ThrowIfCancellationRequested();
            return new UpgradeFailed(timeout.IsCancellationRequested ? UpgradeFailure.Timeout : UpgradeFailure.BackendClosed);
        }
    }

    private static async Task<(HeadParseStatus Status, ResponseHead? Head)> ReadHeadAsync(
        StreamTransport backend, ResponseHeadLimits limits, CancellationToken cancellationToken)
    {
        while (true)
        {
            var result = await backend.Input.ReadAsync(cancellationToken).ConfigureAwait(false);
            var status = ResponseHeadParser.Parse(result.Buffer, limits, out var head, out var consumed);
            if (status == HeadParseStatus.Done)
            {
                backend.Input.AdvanceTo(result.Buffer.GetPosition(consumed));
                return (status, head);
            }

            backend.Input.AdvanceTo(result.Buffer.Start, result.Buffer.End);
            if (status != HeadParseStatus.NeedMore || result.IsCompleted)
            {
                return (status, null);
            }
        }
    }

    private static UpgradeResult Evaluate(StreamTransport backend, UpgradeRequest request, string protocol, ResponseHead head)
    {
        if (head.Status == 101)
        {
            var webSocket = protocol.Equals(WebSocket, StringComparison.OrdinalIgnoreCase);
            return IsValidAnswer(request, protocol, webSocket, head)
                ? new UpgradeAccepted(head, webSocket ? StreamFraming.WebSocket : StreamFraming.Raw)
                : new UpgradeFailed(UpgradeFailure.BadAnswer);
        }

        return ResponseFraming.TryDecide(head, out var framing)
            ? new UpgradeRefused(head, new ResponseBody(backend.Input, framing))
            : new UpgradeFailed(UpgradeFailure.BadAnswer);
    }

    private static bool IsValidAnswer(UpgradeRequest request, string protocol, bool webSocket, ResponseHead head) =>
        head.MinorVersion == 1
        && string.Equals(head.OnlyValue("Upgrade"), protocol, StringComparison.OrdinalIgnoreCase)
        && head.ListContains("Connection", "upgrade")
        && (!webSocket || request.Key is not { } key || head.OnlyValue("Sec-WebSocket-Accept") == WebSocketAccept.For(key));
}
