using Edge.Telemetry;
using Yarp.ReverseProxy.Configuration;

namespace Edge.Proxy;

/// <summary>Says and counts what becomes of a changed <c>ReverseProxy</c> section; YARP's own lines of it are off.</summary>
internal sealed partial class ReloadLog(ReloadMetrics metrics, ILogger<ReloadLog> logger) : IConfigChangeListener
{
    // YARP's words around what ClusterRules says, which names the setting itself.
    private const string FromOurRules = "An exception was thrown from the configuration callbacks";

    private bool _isStarted;

    /// <summary>The causes of a refusal, on one line.</summary>
    public static string Causes(Exception error)
    {
        var causes = error is AggregateException all ? all.Flatten().InnerExceptions : [error];
        return string.Join("; ", causes.Select(Cause));
    }

    /// <summary>The section cannot be used, and the old one stays.</summary>
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

    [LoggerMessage(1048, LogLevel.Error, "The changed ReverseProxy section cannot be used, and the old one stays in force: {Causes}")]
    private partial void LogRefused(string causes);

    [LoggerMessage(1049, LogLevel.Information, "The changed ReverseProxy section is in force: {Routes} routes, {Clusters} clusters.")]
    private partial void LogApplied(int routes, int clusters);
}
