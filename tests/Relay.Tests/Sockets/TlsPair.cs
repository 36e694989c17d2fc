using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Relay.Streams;
using Relay.Tests.Streams;
using Sockets;

namespace Relay.Tests.Sockets;

/// <summary>A TLS session: on the near side as the program reads and writes it, on the far side a client's.</summary>
internal sealed class TlsPair : IAsyncDisposable
{
    private TlsPair(
        Socket nearSocket, Socket farSocket, SslStream session, SslStream far, SocketPipeReader input, SocketPipeWriter output) =>
        (NearSocket, FarSocket, Session, Far, Below, Output) = (nearSocket, farSocket, session, far, input, output);

    public Socket NearSocket { get; }

    public Socket FarSocket { get; }

    /// <summary>The near side's session, which nothing reads or writes yet.</summary>
    public SslStream Session { get; }

    public SslStream Far { get; }

    public SocketPipeReader Below { get; }

    public SocketPipeWriter Output { get; }

    public static X509Certificate2 SelfSigned()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        return new CertificateRequest("CN=localhost", key, HashAlgorithmName.SHA256)
            .CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(1));
    }

    /// <param name="below">What the near side's session writes to, instead of right to the socket.</param>
    public static async Task<TlsPair> CreateAsync(Func<Socket, TransportPipeWriter>? below = null)
    {
        using var certificate = SelfSigned();
        var (near, far) = await Loopback.PairAsync();
        near.NoDelay = true;
        var (input, output) = (new SocketPipeReader(near), new SocketPipeWriter(near, static _ => { }));
        var session = new SslStream(new BlockStream(input, below?.Invoke(near) ?? output));
        var client = new SslStream(new NetworkStream(far, ownsSocket: true));
        await Task.WhenAll(
            session.AuthenticateAsServerAsync(certificate),
            client.AuthenticateAsClientAsync(new SslClientAuthenticationOptions
            {
                TargetHost = "localhost",
                RemoteCertificateValidationCallback = static (_, _, _, _) => true,
            })).Soon();
        return new TlsPair(near, far, session, client, input, output);
    }

    /// <summary>The near side, with which the session and the socket go.</summary>
    public SocketTransport Transport() => new(NearSocket, Below, Output, Session);

    public async ValueTask DisposeAsync()
    {
        await Far.DisposeAsync();
        NearSocket.Dispose();
        await Session.DisposeAsync();
        Below.Dispose();
        Output.Dispose();
    }
}
