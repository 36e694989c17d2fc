using System.Net;
using System.Net.Sockets;
using Microsoft.AspNetCore.Connections;

namespace Edge.Listeners;

/// <summary>
/// A listening socket. When descriptors or memory run out it pauses, at first for 10 ms and for up to 1 s later. New
/// connections wait in the kernel's backlog meanwhile.
/// </summary>
/// <param name="socket">A bound, listening socket, which the listener owns from now on.</param>
/// <param name="endPoint">The requested address, for sockets that have no local address.</param>
/// <param name="readAhead">Bytes that each connection reads ahead of the HTTP layer.</param>
/// <param name="reserve">Descriptors that the listener leaves free (<see cref="DescriptorReserve"/>).</param>
/// <param name="errors">Counts and logs the pauses.</param>
/// <param name="time">The clock.</param>
/// <param name="logger">Reports connections that failed before they were accepted.</param>
internal sealed partial class SocketListener(
    Socket socket,
    EndPoint endPoint,
    int readAhead,
    int reserve,
    AcceptErrors errors,
    TimeProvider time,
    ILogger logger) : IConnectionListener
{
    private static readonly TimeSpan FirstPause = TimeSpan.FromMilliseconds(10);
    private static readonly TimeSpan LongestPause = TimeSpan.FromSeconds(1);

    private readonly TaskCompletionSource _closed = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private TimeSpan _pause = FirstPause;

    public EndPoint EndPoint { get; } = socket.LocalEndPoint ?? endPoint;

    public async ValueTask<ConnectionContext?> AcceptAsync(CancellationToken cancellationToken = default)
    {
        while (true)
        {
            Socket? accepted = null;
            try
            {
                accepted = await socket.AcceptAsync(cancellationToken);
                if (DescriptorReserve.Includes(accepted, reserve))
                {
                    // The accepted connection waits until the process has closed other descriptors.
                    await WaitForDescriptorsAsync(cancellationToken);
                }

                _pause = FirstPause;
                if (accepted.ProtocolType == ProtocolType.Tcp)
                {
                    accepted.NoDelay = true;
                }

                return new SocketConnection(accepted, readAhead);
            }
            catch (Exception error)
                when (error is ObjectDisposedException or SocketException { SocketErrorCode: SocketError.OperationAborted })
            {
                // The listener was closed.
                accepted?.Dispose();
                return null;
            }
            catch (SocketException error) when (accepted is not null || IsOfThePeer(error.SocketErrorCode))
            {
                // The peer reset one connection before it was accepted. That says nothing about the next one.
                LogNotAccepted(logger, error.SocketErrorCode);
                accepted?.Dispose();
            }
            catch (SocketException error)
            {
                errors.Count(EndPoint, error.Message);
                await PauseAsync(cancellationToken);
            }
            catch (OperationCanceledException)
            {
                accepted?.Dispose();
                throw;
            }
        }
    }

    public ValueTask UnbindAsync(CancellationToken cancellationToken = default) => DisposeAsync();

    public ValueTask DisposeAsync()
    {
        socket.Dispose();
        _closed.TrySetResult();
        return ValueTask.CompletedTask;
    }

    // Errors of the peer's connection (accept(2)). After any other error the next call would fail at once as well.
    private static bool IsOfThePeer(SocketError error) => error is SocketError.ConnectionAborted or SocketError.ConnectionReset
        or SocketError.NetworkDown or SocketError.NetworkUnreachable or SocketError.HostDown or SocketError.HostUnreachable
        or SocketError.TimedOut;

    private async Task WaitForDescriptorsAsync(CancellationToken cancellationToken)
    {
        do
        {
            errors.Count(
                EndPoint, $"the process has only {reserve} file descriptors left; raise the limit (ulimit -n, LimitNOFILE)");
            await PauseAsync(cancellationToken);
            ObjectDisposedException.ThrowIf(_closed.Task.IsCompleted, this);
        }
        while (DescriptorReserve.IncludesNext(reserve));
    }

    private async Task PauseAsync(CancellationToken cancellationToken)
    {
        await _closed.Task.WaitAsync(_pause, time, cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        cancellationToken.ThrowIfCancellationRequested();
        _pause = _pause * 2 < LongestPause ? _pause * 2 : LongestPause;
    }

    [LoggerMessage(EventId = 1034, Level = LogLevel.Debug, Message = "A connection was not accepted: {Error}.")]
    private static partial void LogNotAccepted(ILogger logger, SocketError error);
}
