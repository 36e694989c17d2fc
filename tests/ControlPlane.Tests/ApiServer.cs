using System.Net;
using System.Net.Http.Headers;
using System.Net.Sockets;
using System.Net.WebSockets;
using System.Text;
using System.Text.Json;
using ControlPlane.Access;
using ControlPlane.Declarations;
using ControlPlane.Storage;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Tailnet.Peer;

namespace ControlPlane.Tests;

/// <summary>An API server on a real Kestrel and a temporary data directory, and clients for it.</summary>
internal sealed class ApiServer : IAsyncDisposable
{
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    private readonly WebApplication _app;
    private readonly bool _ownsDirectory;

    private ApiServer(WebApplication app, string directory, bool ownsDirectory, HttpClient client)
    {
        _app = app;
        Directory = directory;
        _ownsDirectory = ownsDirectory;
        Client = client;
    }

    public string Directory { get; }

    public HttpClient Client { get; }

    public BootstrapCredentials? Credentials { get; private set; }

    public IServiceProvider Services => _app.Services;

    public BootstrapAgent Agent => Credentials!.Agents[0];

    public string AgentPath => $"/api/v2/workspaceagents/{Agent.Id}";

    public Database Database => Services.GetRequiredService<Database>();

    public static string NewDirectory() => System.IO.Directory.CreateTempSubdirectory("control-plane-").FullName;

    /// <summary>
    /// Waits until the server listens for notices, if the database has them. From then on a change elsewhere wakes
    /// what waits for it and clears the cache.
    /// </summary>
    public Task ListeningAsync() => Database.Engine.Notices is null
        ? Task.CompletedTask
        : Eventually.TrueAsync(() => Services.GetRequiredService<AccessSignals>().Version > 0, "the server hears notices");

    public static async Task<ApiServer> StartAsync(
        Func<string, ControlPlaneOptions>? options = null,
        TimeProvider? time = null,
        string? directory = null,
        bool unixSocket = false,
        bool initialise = true,
        ILoggerProvider? log = null,
        Action<IServiceCollection>? services = null,
        IAgentDialer? dialer = null)
    {
        var ownsDirectory = directory is null;
        directory ??= NewDirectory();
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        if (log is not null)
        {
            builder.Logging.SetMinimumLevel(LogLevel.Trace).AddProvider(log);
        }

        var socketPath = Path.Combine(directory, "api.sock");
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel =>
        {
            if (unixSocket)
            {
                kestrel.ListenUnixSocket(socketPath);
            }
            else
            {
                kestrel.Listen(IPAddress.Loopback, 0);
            }
        });
        if (time is not null)
        {
            builder.Services.AddSingleton(time);
        }

        if (dialer is not null)
        {
            builder.Services.AddSingleton(dialer);
        }

        var settings = options?.Invoke(directory) ?? new ControlPlaneOptions { DataDirectory = directory, Version = "v1.2.3" };
        builder.Services.AddControlPlane(settings);
        builder.Services.AddSingleton(_ => new Database(TestDatabase.EngineFor(settings)));
        services?.Invoke(builder.Services);
        var app = builder.Build();
        app.UseControlPlane();
        var client = new HttpClient(new SocketsHttpHandler
        {
            // A body that is refused unseen is not sent, however long the answer takes: sent, it would meet a closed connection.
            Expect100ContinueTimeout = Patience,
            UseCookies = false,
            ConnectCallback = unixSocket ? (_, cancellation) => ConnectAsync(socketPath, cancellation) : null,
        })
        {
            Timeout = Patience,
        };
        var server = new ApiServer(app, directory, ownsDirectory, client);
        if (initialise)
        {
            server.Credentials = await InitializeAsync(app.Services);
        }

        await app.StartAsync(TestContext.Current.CancellationToken);
        client.BaseAddress = unixSocket
            ? new Uri("http://localhost")
            : new Uri(app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.Single());
        return server;
    }

    public static Task<BootstrapCredentials?> InitializeAsync(IServiceProvider services) =>
        ControlPlaneApplication.InitializeAsync(services, static (_, _) => Task.CompletedTask, TestContext.Current.CancellationToken);

    public Task<Answer> GetAsync(string path, string? token = null) => SendAsync(HttpMethod.Get, path, token);

    public Task<Answer> GetAsUserAsync(string path) => GetAsync(path, Credentials!.SessionToken);

    public Task<Answer> SendAsAgentAsync(HttpMethod method, string path, object? body = null) =>
        SendAsync(method, path, Agent.AuthToken, body);

    public Task<Answer> PatchLogsAsync(params string[] outputs) => SendAsAgentAsync(
        HttpMethod.Patch, "/api/v2/workspaceagents/me/logs",
        new { logs = outputs.Select(static output => new { created_at = "2026-01-01T00:00:00Z", output }) });

    /// <summary>A body may be a string or bytes (sent as they are) or an object (sent as JSON).</summary>
    public Task<Answer> SendAsync(HttpMethod method, string path, string? token = null, object? body = null)
    {
        var request = new HttpRequestMessage(method, path);
        if (token is not null)
        {
            request.Headers.Add("Coder-Session-Token", token);
        }

        if (body is not null)
        {
            request.Content = new ByteArrayContent(body switch
            {
                byte[] bytes => bytes,
                string text => Encoding.UTF8.GetBytes(text),
                _ => JsonSerializer.SerializeToUtf8Bytes(body),
            });
            request.Content.Headers.ContentType = new MediaTypeHeaderValue("application/json");
        }

        return SendAsync(request);
    }

    public async Task<Answer> SendAsync(HttpRequestMessage request)
    {
        using (request)
        {
            using var response = await Client.SendAsync(request, TestContext.Current.CancellationToken);
            return new Answer(
                (int)response.StatusCode,
                await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken),
                response.Headers.Concat(response.Content.Headers).ToDictionary(
                    static header => header.Key, static header => string.Join(", ", header.Value), StringComparer.OrdinalIgnoreCase));
        }
    }

    public async Task<ClientWebSocket> FollowAsync(string query = "?follow", Action<ClientWebSocketOptions>? configure = null)
    {
        var socket = new ClientWebSocket();
        socket.Options.SetRequestHeader("Coder-Session-Token", Credentials!.SessionToken);
        socket.Options.CollectHttpResponseDetails = true;
        configure?.Invoke(socket.Options);
        await socket.ConnectAsync(
            new UriBuilder(new Uri(Client.BaseAddress!, AgentPath + "/logs" + query)) { Scheme = "ws" }.Uri,
            TestContext.Current.CancellationToken).WaitAsync(Patience, TestContext.Current.CancellationToken);
        return socket;
    }

    public async Task DeclareAsync(AgentDeclarations declarations) =>
        Assert.True(await Services.GetRequiredService<DeclarationStore>()
            .ReplaceAsync(Agent.Id, declarations, TestContext.Current.CancellationToken));

    public long Count(string sql) => Database.Read(connection => connection.Count(sql));

    /// <summary>Runs statements, in which <c>@hash</c> is the hash of a token that nobody has.</summary>
    public void Execute(string sql) => Database.Read(connection => connection.Execute(sql, ("@hash", new byte[1])));

    public async Task StopAsync() => await _app.StopAsync(TestContext.Current.CancellationToken);

    public async ValueTask DisposeAsync()
    {
        Client.Dispose();
        await _app.DisposeAsync();
        if (_ownsDirectory)
        {
            System.IO.Directory.Delete(Directory, recursive: true);
        }
    }

    private static async ValueTask<Stream> ConnectAsync(string path, CancellationToken cancellationToken)
    {
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        await socket.ConnectAsync(new UnixDomainSocketEndPoint(path), cancellationToken);
        return new NetworkStream(socket, ownsSocket: true);
    }
}

/// <summary>What a server answered.</summary>
internal sealed record Answer(int Status, string Body, Dictionary<string, string> Headers)
{
    public JsonElement Json => JsonDocument.Parse(Body).RootElement;

    public string? Message => Text("message");

    public string? Detail => Text("detail");

    public string? Text(string property) => Json.TryGetProperty(property, out var value) ? value.GetString() : null;
}
