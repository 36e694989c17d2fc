using System.Collections.Concurrent;
using System.Diagnostics.Metrics;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Edge.Listeners;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Edge.Tests.Listeners;

/// <summary>A small Kestrel host on a port of its own, with the parts under test in it, and everything it logs and counts.</summary>
internal sealed class AccessHost : IAsyncDisposable, ILoggerProvider
{
    private static readonly TimeSpan Guard = TimeSpan.FromSeconds(20);
    private readonly MeterListener _meters = new();
    private WebApplication _app = null!;

    private AccessHost()
    {
    }

    public int Port { get; private set; }

    public IServiceProvider Services => _app.Services;

    public EdgeConnections Connections => Services.GetRequiredService<EdgeConnections>();

    /// <summary>Log entries from warning upwards.</summary>
    public ConcurrentQueue<string> Complaints { get; } = new();

    /// <summary>Counter increments as <c>name/tag value</c>.</summary>
    public ConcurrentQueue<string> Counted { get; } = new();

    public static async Task<AccessHost> StartAsync(
        Action<IServiceCollection>? services = null,
        Action<WebApplication>? pipeline = null,
        EdgeConnectionOptions? connections = null,
        bool tls = false,
        HttpProtocols protocols = HttpProtocols.Http1,
        TimeProvider? time = null)
    {
        var host = new AccessHost();
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.Logging.AddProvider(host);
        builder.Services.AddSingleton(time ?? TimeProvider.System);
        builder.Services.AddEdgeConnections(connections ?? new EdgeConnectionOptions());
        services?.Invoke(builder.Services);
        builder.WebHost.UseKestrelHttpsConfiguration();
        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            kestrel.ConfigureEndpointDefaults(listen =>
            {
                listen.Protocols = protocols;
                listen.UseEdgeConnections();
            });
            kestrel.Listen(IPAddress.Loopback, 0, listen =>
            {
                if (tls)
                {
                    listen.UseHttps(Certificate());
                    listen.UseTlsHandover();
                }
            });
        });
        host._app = builder.Build();
        var factory = host._app.Services.GetRequiredService<IMeterFactory>();
        host._meters.InstrumentPublished = (instrument, listener) =>
        {
            if (ReferenceEquals(instrument.Meter.Scope, factory) && instrument.Meter.Name == AccessMetrics.MeterName)
            {
                listener.EnableMeasurementEvents(instrument);
            }
        };
        host._meters.SetMeasurementEventCallback<long>((instrument, _, tags, _) =>
            host.Counted.Enqueue(tags.Length > 0 ? $"{instrument.Name}/{tags[0].Value}" : instrument.Name));
        host._meters.Start();
        pipeline?.Invoke(host._app);
        await host._app.StartAsync();
        host.Port =
            new Uri(host._app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First()).Port;
        return host;
    }

    public async Task<NetworkStream> ConnectAsync()
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        await socket.ConnectAsync(IPAddress.Loopback, Port);
        return new NetworkStream(socket, ownsSocket: true);
    }

    public async Task<SslStream> ConnectTlsAsync()
    {
        var tls = new SslStream(await ConnectAsync());
        await AuthenticateAsync(tls);
        return tls;
    }

    public static Task AuthenticateAsync(SslStream tls) => tls.AuthenticateAsClientAsync(new SslClientAuthenticationOptions
    {
        TargetHost = "localhost",
        EnabledSslProtocols = SslProtocols.Tls12 | SslProtocols.Tls13,
        RemoteCertificateValidationCallback = IsOurs,
    });

    public HttpClient Client(bool tls = false) => new(new SocketsHttpHandler
    {
        SslOptions = { RemoteCertificateValidationCallback = IsOurs },
        UseCookies = false,
        UseProxy = false,
    })
    {
        BaseAddress = new Uri($"{(tls ? "https" : "http")}://127.0.0.1:{Port}"),
        Timeout = Guard,
    };

    public Task StopAsync(CancellationToken cancel) => _app.StopAsync(cancel);

    public async ValueTask DisposeAsync()
    {
        using var now = new CancellationTokenSource(TimeSpan.FromSeconds(2));
        await _app.StopAsync(now.Token);
        await _app.DisposeAsync();
        _meters.Dispose();
    }

    /// <summary>Sends a request with <c>Connection: close</c> and returns everything that comes back.</summary>
    public async Task<string> ExchangeAsync(string head)
    {
        await using var stream = await ConnectAsync();
        await stream.WriteAsync(Encoding.Latin1.GetBytes(head));
        return await ReadToEndAsync(stream);
    }

    public static async Task<string> ReadToEndAsync(Stream stream)
    {
        using var reader = new StreamReader(stream, Encoding.Latin1, leaveOpen: true);
        return await reader.ReadToEndAsync().WaitAsync(Guard);
    }

    public static async Task<string> ReadExactlyAsync(Stream stream, int length)
    {
        var buffer = new byte[length];
        await stream.ReadExactlyAsync(buffer).AsTask().WaitAsync(Guard);
        return Encoding.Latin1.GetString(buffer);
    }

    public ILogger CreateLogger(string categoryName) => new Collector(this, categoryName);

    public void Dispose()
    {
    }

    /// <summary>The hosts make their own certificates, all with this name.</summary>
    private static bool IsOurs(object sender, X509Certificate? certificate, X509Chain? chain, SslPolicyErrors errors) =>
        certificate?.Subject == "CN=localhost";

    private static X509Certificate2 Certificate()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=localhost", key, HashAlgorithmName.SHA256);
        return request.CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(1));
    }

    private sealed class Collector(AccessHost host, string category) : ILogger
    {
        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => logLevel >= LogLevel.Warning;

        public void Log<TState>(
            LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            if (IsEnabled(logLevel))
            {
                host.Complaints.Enqueue($"{category}: {formatter(state, exception)} {exception}");
            }
        }
    }
}
