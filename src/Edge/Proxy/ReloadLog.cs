using Edge.Telemetry;
using Yarp.ReverseProxy.Configuration;

namespace Edge.Proxy;

/// <summary>Logs and counts changes of the section <c>ReverseProxy</c>. YARP's own log lines about them are off.</summary>
internal sealed partial class ReloadLog(ReloadMetrics metrics, ILogger<ReloadLog> logger) : IConfigChangeListener
{
    // YARP's message around an error of ClusterRules, which names the setting itself.
    private const string FromOurRules = "An exception was thrown from the configuration callbacks";

    private bool _isStarted;

    /// <summary>The causes of an error, on one line.</summary>
    public static string Causes(Exception error)
    {
        var causes = error is AggregateException all ? all.Flatten().InnerExceptions : [error];
        return string.Join("; ", causes.Select(Cause));
    }

    /// <summary>Reports that the section cannot be used, and that the old one stays in force.</summary>
    public void Refused(Exception error)
    {
        metrics.Refused();
        LogRefused(Causes(error));
    }

    public void ConfigurationLoadingFailed(IProxyConfigProvider configProvider, Exception exception) => Refused(exception);

    public void ConfigurationLoaded(IReadOnlyList<IProxyConfig> proxyConfigs)
    {
    }

    public void ConfigurationApplyingFailed(IReadOnlyList<IProxyConfig> proxyConfigs, Exception exception) => Refused(exception);

    public void ConfigurationApplied(IReadOnlyList<IProxyConfig> proxyConfigs)
    {
        if (_isStarted)
        {
            metrics.Applied();
            LogApplied(proxyConfigs.Sum(static config => config.Routes.Count), proxyConfigs.Sum(static config => config.Clusters.Count));
        }

        _isStarted = true;
    }

    private static string Cause(Exception error)
    {
        var text = error.Message.ReplaceLineEndings(" ");
        return error.InnerException is not { } inner ? text
            : text.StartsWith(FromOurRules, StringComparison.Ordinal) ? Cause(inner)
            : $"{text} {Cause(inner)}";
    }

    [LoggerMessage(1048, LogLevel.Error, "The changed ReverseProxy section cannot be used; the old one stays in force: {Causes}")]
    private partial void LogRefused(string causes);

    [LoggerMessage(1049, LogLevel.Information, "The changed ReverseProxy section is in force: {Routes} routes, {Clusters} clusters.")]
    private partial void LogApplied(int routes, int clusters);
}
