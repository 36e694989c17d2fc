using System.Net;
using System.Threading.Channels;
using Microsoft.AspNetCore.Connections;

namespace Edge.InProcess;

/// <summary>Connections that wait to be accepted.</summary>
internal sealed class InProcessListener(InProcessEndPoint endPoint) : IConnectionListener
{
    // As of the sockets.
    private const int Backlog = 512;

    private readonly Channel<InProcessConnection> _waiting = Channel.CreateBounded<InProcessConnection>(Backlog);

    public EndPoint EndPoint => endPoint;

    /// <summary>Whether the connection will be accepted; not once the listener was closed, nor with too many before it.</summary>
    public bool TryOffer(InProcessConnection connection) => _waiting.Writer.TryWrite(connection);

    public async ValueTask<ConnectionContext?> AcceptAsync(CancellationToken cancellationToken = default)
    {
        while (await _waiting.Reader.WaitToReadAsync(cancellationToken))
        {
            if (_waiting.Reader.TryRead(out var connection))
            {
                return connection;
            }
        }

        return null;
    }

    public ValueTask UnbindAsync(CancellationToken cancellationToken = default)
    {
        _waiting.Writer.TryComplete();
        return ValueTask.CompletedTask;
    }

    public ValueTask DisposeAsync()
    {
        _waiting.Writer.TryComplete();
        while (_waiting.Reader.TryRead(out var connection))
        {
            connection.Abort();
        }

        return ValueTask.CompletedTask;
    }
}
