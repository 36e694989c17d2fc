using System.Net;
using System.Net.Sockets;
using Microsoft.AspNetCore.Connections;

namespace Edge.Listeners;

/// <summary>
/// A listening socket. Where descriptors or memory are at their end it waits, 10 ms at first and up to 1 s: who has connected meanwhile waits
/// in the kernel's queue.
/// </summary>
/// <param name="socket">Bound and listening; owned from here on.</param>
/// <param name="endPoint">What was asked for; kept where the socket has no address to tell.</param>
/// <param name="readAhead">Bytes that each connection reads ahead of the HTTP layer.</param>
/// <param name="reserve">Descriptors that are left for the process (<see cref="DescriptorReserve"/>).</param>
/// <param name="errors">Told when it waits.</param>
/// <param name="time">The clock.</param>
/// <param name="logger">For what goes wrong before there is a connection.</param>
internal sealed partial class SocketListener(
    Socket socket, EndPoint endPoint, int readAhead, int reserve, AcceptErrors errors, TimeProvider time, ILogger logger) : IConnectionListener
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
                    // Served as soon as there are others again: one too many can be held.
                    await WaitForDescriptorsAsync(cancellationToken);
                }

                _pause = FirstPause;
                if (accepted.ProtocolType == ProtocolType.Tcp)
                {
                    accepted.NoDelay = true;
                }

                return new SocketConnection(accepted, readAhead);
            }
            catch (Exception error) when (error is ObjectDisposedException or SocketException { SocketErrorCode: SocketError.OperationAborted })
            {
                // The listener was closed: there are no more connections.
                accepted?.Dispose();
                return null;
            }
            catch (SocketException error) when (accepted is not null || IsOfThePeer(error.SocketErrorCode))
            {
                // One connection was reset before it was accepted; the next one is another matter.
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

    // Errors of the connection that was to be accepted (accept(2)); after any other one the next call would fail too, at once.
    private static bool IsOfThePeer(SocketError error) => error is SocketError.ConnectionAborted or SocketError.ConnectionReset
        or SocketError.NetworkDown or SocketError.NetworkUnreachable or SocketError.HostDown or SocketError.HostUnreachable or SocketError.TimedOut;

    private async Task WaitForDescriptorsAsync(CancellationToken cancellationToken)
    {
        do
        {
            errors.Count(EndPoint, $"the process has opened all but {reserve} of its file descriptors; raise the limit (ulimit -n, LimitNOFILE)");
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
