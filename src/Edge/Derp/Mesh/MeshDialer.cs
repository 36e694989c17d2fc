using System.Net.Security;
using Relay.Derp;
using Relay.Streams;

namespace Edge.Derp.Mesh;

/// <summary>Connects to another server of the mesh like a client: TCP, TLS, HTTP upgrade. One connection at a time.</summary>
internal sealed class MeshDialer(MeshAddress address, DerpServer server, TimeProvider time) : IAsyncDisposable
{
    private SocketTransport? _open;

    /// <exception cref="IOException">The connection failed; the message gives the reason.</exception>
    /// <exception cref="OperationCanceledException">The caller has cancelled.</exception>
    public async Task<DerpTransport> ConnectAsync(CancellationToken cancellation)
    {
        var target = new DerpTarget(
            address.DialHost ?? address.Url.IdnHost,
            address.Url.Port,
            address.Url.Authority,
            address.Url.Scheme == Uri.UriSchemeHttps ? new SslClientAuthenticationOptions { TargetHost = address.Url.IdnHost } : null);
        _open = await DerpDialer.ConnectAsync(target, server.Tune, time, cancellation);
        return DerpDialer.TransportOf(_open);
    }

    public async ValueTask DisposeAsync()
    {
        if (_open is not null)
        {
            await _open.DisposeAsync();
        }
    }
}
