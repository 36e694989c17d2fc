using Edge.Hosting;
using Edge.Program;
using Edge.Telemetry;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Testing;

/// <summary>A real node in this process: its own listeners on port 0, its own data directory, removed with it.</summary>
internal sealed class TestNode : IAsyncDisposable
{
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private readonly TemporaryDirectory _directory;
    private readonly ConfigurationManager _configuration;
    private readonly TimeProvider _time;

    private TestNode(EdgeNode node, TimeProvider time, TemporaryDirectory directory, ConfigurationManager configuration, CapturedLog log)
    {
        Node = node;
        _time = time;
        _directory = directory;
        _configuration = configuration;
        Log = log;
        Public = new HttpClient(new SocketsHttpHandler { UseCookies = false, AllowAutoRedirect = false })
        {
            BaseAddress = new Uri(node.PublicUrls[0]),
        };
        Admin = new HttpClient { BaseAddress = new Uri(node.AdminUrl) };
    }

    public EdgeNode Node { get; }

    /// <summary>Everything that the node has logged.</summary>
    public CapturedLog Log { get; }

    /// <summary>Speaks to the first public listener; follows no redirects and keeps no cookies.</summary>
    public HttpClient Public { get; }

    public HttpClient Admin { get; }

    public Uri PublicUrl => new(Node.PublicUrls[0]);

    /// <summary>The public listener of a scheme.</summary>
    public Uri UrlOf(string scheme) => Node.PublicUrls.Select(static url => new Uri(url)).First(url => url.Scheme == scheme);

    public string DataDirectory => _directory.Path;

    /// <summary>
    /// Starts a node with these settings (<c>Edge:Mode=edge</c> …) over quick test defaults, and waits until it is ready.
    /// </summary>
    public static Task<TestNode> StartAsync(params string[] settings) => StartAsync(TimeProvider.System, waitUntilReady: true, settings);

    public static Task<TestNode> StartAsync(TimeProvider time, bool waitUntilReady, params string[] settings) =>
        StartAsync(time, waitUntilReady, static _ => { }, settings);

    /// <summary>The same, with services of the test's own in every host of the node.</summary>
    public static async Task<TestNode> StartAsync(
        TimeProvider time, bool waitUntilReady, Action<IServiceCollection> services, params string[] settings)
    {
        var directory = new TemporaryDirectory();
        var configuration = new ConfigurationManager();
        configuration.AddInMemoryCollection(new Dictionary<string, string?>
        {
            ["Edge:Admin:Url"] = "http://127.0.0.1:0",
            ["Relay:Stun:Port"] = "0",
            ["Edge:DataDirectory"] = Path.Combine(directory.Path, "data"),
        });
        if (!settings.Any(static setting => setting.StartsWith("Kestrel:", StringComparison.Ordinal)))
        {
            configuration["urls"] = "http://127.0.0.1:0";
        }

        foreach (var setting in settings)
        {
            var separator = setting.IndexOf('=', StringComparison.Ordinal);
            configuration[setting[..separator]] = setting[(separator + 1)..];
        }

        var log = new CapturedLog();
        try
        {
            var hosts = new HostFactory(configuration, time, logging =>
            {
                logging.AddEdgeLogging(configuration);
                logging.ClearProviders().AddProvider(log);
                services(logging.Services);
            });
            var node = new TestNode(
                await EdgeNode.StartAsync(hosts, directory.Path, CancellationToken.None), time, directory, configuration, log);
            if (waitUntilReady)
            {
                await Eventually.TrueAsync(async () => await node.Node.NotReadyReasonAsync() is null, "the node is ready");
            }

            return node;
        }
        catch
        {
            directory.Dispose();
            throw;
        }
    }

    /// <summary>Changes settings of the running node, as an edited appsettings.json would.</summary>
    public void Reload(params (string Key, string? Value)[] settings)
    {
        foreach (var (key, value) in settings)
        {
            _configuration[key] = value;
        }

        ((IConfigurationRoot)_configuration).Reload();
    }

    public async ValueTask DisposeAsync()
    {
        Public.Dispose();
        Admin.Dispose();
        await (_time is ManualTimeProvider clock ? clock.AdvanceUntilAsync(Node.StopAsync()) : Node.StopAsync().WaitAsync(Patience));
        await Node.DisposeAsync().AsTask().WaitAsync(Patience);
        _configuration.Dispose();
        _directory.Dispose();
    }
}
