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
/// Adds TLS to endpoints. The client's server name (SNI) chooses the certificate. A certificate is read again when its files
/// change, and is sent with the DERP meta-certificate where the node serves DERP. Kestrel's own configuration has none of
/// this, and no place for <see cref="TlsHandoverMiddleware"/>, which has to come right after TLS.
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
    /// <param name="logger">Reports certificates that were read again or cannot be used.</param>
    /// <param name="meta">The DERP meta-certificate; null where the node does not serve DERP.</param>
    /// <exception cref="SettingsException">The default certificate cannot be used.</exception>
    public EndpointTls(IConfiguration kestrel, TimeProvider time, ILogger logger, MetaChain? meta)
    {
        (_time, _logger, _meta) = (time, logger, meta);
        _defaults = new Server(
            EndpointProtocols.Default.With(kestrel.GetSection("EndpointDefaults")), Open(kestrel.GetSection("Certificates:Default")));
    }

    /// <summary>Sets an endpoint's protocols, and adds TLS to it when its scheme is https.</summary>
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
            listen.Use(next => connection => IsProtocolAllowed(connection, names) ? next(connection) : Refuse(connection));
        }

        listen.UseTlsHandover();
    }

    /// <summary>The certificates and protocols by server name. An endpoint without <c>Sni</c> has one entry for every name.</summary>
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

    private Server Read(IConfigurationSection section, Server defaults) =>
        new(defaults.Protocols.With(section), Open(section.GetSection("Certificate")) ?? defaults.Certificate);

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
            // Kestrel logs the exception like any other failed handshake.
            throw new AuthenticationException(
                $"The server name \"{handshake.ClientHelloInfo.ServerName}\" has no certificate; the endpoint's Sni may have one for *");
        }

        handshake.AllowDelayedClientCertificateNegotation = server.Protocols.ClientCertificate is ClientCertificateMode.DelayCertificate;
        return server.Protocols.Handshake(_meta?.Extend(certificate()) ?? certificate());
    }

    // Kestrel serves a client without ALPN with HTTP/1.1 when the endpoint allows it, even if the server name does not.
    private static bool IsProtocolAllowed(ConnectionContext connection, ServerNames<Server> names) =>
        connection.Features.Get<ITlsApplicationProtocolFeature>()?.ApplicationProtocol.Length > 0
        || names.Find(connection.Features.Get<ITlsHandshakeFeature>()?.HostName)?.Protocols.Http.HasFlag(HttpProtocols.Http1) is true;

    private static Task Refuse(ConnectionContext connection)
    {
        connection.Abort(new ConnectionAbortedException("The server name is for HTTP/2 only, and the client did not offer it by ALPN."));
        return Task.CompletedTask;
    }

    /// <summary>The protocols and the certificate of a server name.</summary>
    private sealed record Server(EndpointProtocols Protocols, Func<SslStreamCertificateContext>? Certificate);
}
