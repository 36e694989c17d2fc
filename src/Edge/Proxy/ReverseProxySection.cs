using Microsoft.Extensions.Primitives;
using Yarp.ReverseProxy.Configuration;

namespace Edge.Proxy;

/// <summary>
/// The operator's <c>ReverseProxy</c> section, which YARP's own provider reads at every change. After a change to a section that
/// cannot be read, or has no route (its file is gone), the old one stays in force, and the log has the reason.
/// </summary>
internal sealed class ReverseProxySection : IProxyConfigProvider, IDisposable
{
    private readonly IConfigurationSection _section;
    private readonly ReloadLog _log;
    private readonly Lock _lock = new();
    private readonly IDisposable _subscription;
    private Snapshot? _current;
    private string? _fault;

    public ReverseProxySection(IConfigurationSection section, ReloadLog log)
    {
        (_section, _log) = (section, log);
        _subscription = ChangeToken.OnChange(section.GetReloadToken, Reload);
    }

    /// <exception cref="Exception">At the start: YARP's exception for a section that it cannot read.</exception>
    public IProxyConfig GetConfig()
    {
        lock (_lock)
        {
            return _current ??= Read();
        }
    }

    public void Dispose()
    {
        _subscription.Dispose();
        _current?.Dispose();
    }

    private void Reload()
    {
        Snapshot? old;
        lock (_lock)
        {
            old = _current;
            try
            {
                var read = Read();
                if (read.Routes.Count == 0)
                {
                    throw new InvalidOperationException("ReverseProxy:Routes: no route is left");
                }

                _fault = null;
                if (old is null || read.IsSameAs(old))
                {
                    return;
                }

                _current = read;
            }
            catch (Exception error)
            {
                // The configuration may signal one change twice.
                var fault = ReloadLog.Causes(error);
                if (fault != _fault)
                {
                    _log.Refused(error);
                }

                _fault = fault;
                return;
            }
        }

        old.Replace();
    }

    private Snapshot Read()
    {
        var proxy = new ServiceCollection().AddLogging().AddReverseProxy().LoadFromConfig(_section);
        using var services = proxy.Services.BuildServiceProvider();
        return new Snapshot(services.GetRequiredService<IProxyConfigProvider>().GetConfig());
    }

    private sealed class Snapshot : IProxyConfig, IDisposable
    {
        private readonly CancellationTokenSource _replaced = new();

        public Snapshot(IProxyConfig read)
        {
            (Routes, Clusters) = (read.Routes, read.Clusters);
            ChangeToken = new CancellationChangeToken(_replaced.Token);
        }

        public IReadOnlyList<RouteConfig> Routes { get; }

        public IReadOnlyList<ClusterConfig> Clusters { get; }

        public IChangeToken ChangeToken { get; }

        public bool IsSameAs(Snapshot other) => Routes.SequenceEqual(other.Routes) && Clusters.SequenceEqual(other.Clusters);

        public void Replace() => _replaced.Cancel();

        public void Dispose() => _replaced.Dispose();
    }
}
