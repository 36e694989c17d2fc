using System.Net;
using Microsoft.AspNetCore.Connections;

namespace Edge.InProcess;

/// <summary>Listens on an <see cref="InProcessEndPoint"/>, and leaves all others to the sockets.</summary>
internal sealed class InProcessListenerFactory : IConnectionListenerFactory, IConnectionListenerFactorySelector
{
    public bool CanBind(EndPoint endpoint) => endpoint is InProcessEndPoint;

    public ValueTask<IConnectionListener> BindAsync(EndPoint endpoint, CancellationToken cancellationToken = default) =>
        ValueTask.FromResult<IConnectionListener>(((InProcessEndPoint)endpoint).Listen());
}
