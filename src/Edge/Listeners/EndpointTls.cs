using System.Net.Security;
using System.Security.Authentication;
using Edge.Derp.Tls;
using Edge.Settings;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Core.Features;
using Microsoft.AspNetCore.Server.Kestrel.Https;

namespace Edge.Listeners;

/// <summary>
/// Puts TLS on endpoints: the server name that the client asks for chooses the certificate, which is read again when its files change and
/// is sent with the DERP meta-certificate where DERP is served. Kestrel's own way has none of that, and leaves no room for
/// <see cref="TlsHandoverMiddleware"/>, which has to come right after TLS.
/// </summary>
internal sealed class EndpointTls
{
    private const string EveryName = "*";
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly MetaChain? _meta;
    private readonly Server _defaults;

    /// <param name="kestrel">The section <c>Kestrel</c>, which <see cref="KestrelSettings"/> has checked.</param>
    /// <param name="time">The clock.</param>
    /// <param name="logger">Hears of certificates that were read again, or cannot be.</param>
    /// <param name="meta">Null where DERP is not served.</param>
    /// <exception cref="SettingsException">The default certificate cannot be used.</exception>
    public EndpointTls(IConfiguration kestrel, TimeProvider time, ILogger logger, MetaChain? meta)
    {
        (_time, _logger, _meta) = (time, logger, meta);
        _defaults = new Server(
            EndpointProtocols.Default.With(kestrel.GetSection("EndpointDefaults")), Open(kestrel.GetSection("Certificates:Default")));
    }

    /// <summary>Sets what an endpoint speaks.</summary>
    /// <exception cref="SettingsException">A certificate cannot be used.</exception>
    public void Apply(PublicEndpoint endpoint, ListenOptions listen)
    {
        var servers = Servers(endpoint.Section);
        listen.Protocols = servers.Values.Aggregate(HttpProtocols.None, static (all, server) => all | server.Protocols.Http);
        if (!endpoint.IsHttps)
        {
            return;
        }

        var names = new ServerNames<Server>(servers);
        listen.UseHttps(new TlsHandshakeCallbackOptions
        {
            OnConnection = handshake => ValueTask.FromResult(Begin(handshake, names.Find(handshake.ClientHelloInfo.ServerName))),
        });
        if (servers.Values.Any(server => server.Protocols.Http != listen.Protocols))
        {
            listen.Use(next => connection => IsSpoken(connection, names) ? next(connection) : Refuse(connection));
        }

        listen.KeepTls();
    }

    /// <summary>What is served, by server name. An endpoint without names of its own serves every client alike.</summary>
    private Dictionary<string, Server> Servers(IConfigurationSection? section)
    {
        if (section is null)
        {
            return new Dictionary<string, Server> { [EveryName] = _defaults };
        }

        var own = Read(section, _defaults);
        var names = section.GetSection("Sni").GetChildren().ToDictionary(static name => name.Key, name => Read(name, own));
        return names.Count > 0 ? names : new Dictionary<string, Server> { [EveryName] = own };
    }

    private Server Read(IConfigurationSection section, Server above) =>
        new(above.Protocols.With(section), Open(section.GetSection("Certificate")) ?? above.Certificate);

    private Func<SslStreamCertificateContext>? Open(IConfigurationSection section)
    {
        if (CertificateSource.From(section) is { } source)
        {
            var file = new CertificateFile(source, _time, _logger);
            return () => file.Current;
        }

        return StoredCertificate.Find(section) is { } stored ? () => stored : null;
    }

    private SslServerAuthenticationOptions Begin(TlsHandshakeCallbackContext handshake, Server? server)
    {
        if (server is not { Certificate: { } certificate })
        {
            // Kestrel logs it, as other handshakes that fail.
            throw new AuthenticationException(
                $"There is no certificate for the server name \"{handshake.ClientHelloInfo.ServerName}\"; the endpoint's Sni may have one for *");
        }

        handshake.AllowDelayedClientCertificateNegotation = server.Protocols.ClientCertificate is ClientCertificateMode.DelayCertificate;
        return server.Protocols.Handshake(_meta?.Extend(certificate()) ?? certificate());
    }

    // A client without ALPN gets HTTP/1.1 from Kestrel, which knows the endpoint's protocols and not the name's.
    private static bool IsSpoken(ConnectionContext connection, ServerNames<Server> names) =>
        connection.Features.Get<ITlsApplicationProtocolFeature>()?.ApplicationProtocol.Length > 0
        || names.Find(connection.Features.Get<ITlsHandshakeFeature>()?.HostName)?.Protocols.Http.HasFlag(HttpProtocols.Http1) is true;

    private static Task Refuse(ConnectionContext connection)
    {
        connection.Abort(new ConnectionAbortedException("The server name is for HTTP/2 only, and the client did not offer it by ALPN."));
        return Task.CompletedTask;
    }

    /// <summary>What answers to a server name.</summary>
    private sealed record Server(EndpointProtocols Protocols, Func<SslStreamCertificateContext>? Certificate);
}
