using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;

namespace Edge.Tests.Telemetry;

/// <summary>A log provider that keeps everything that comes through the filters: message, state, scopes and exception.</summary>
[ProviderAlias("Console")]
internal sealed class CapturedLogs : ILoggerProvider, ISupportExternalScope
{
    private IExternalScopeProvider? _scopes;

    public ConcurrentQueue<string> Lines { get; } = [];

    public ILogger CreateLogger(string categoryName) => new Logger(this, categoryName);

    public void SetScopeProvider(IExternalScopeProvider scopeProvider) => _scopes = scopeProvider;

    public void Dispose()
    {
    }

    private sealed class Logger(CapturedLogs logs, string category) : ILogger
    {
        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => logs._scopes?.Push(state);

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(
            LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            var line = $"{category}|{logLevel}|{formatter(state, exception)}|{exception}";
            if (state is IEnumerable<KeyValuePair<string, object?>> fields)
            {
                line += string.Join(",", fields);
            }

            logs._scopes?.ForEachScope((scope, _) => line += $"|{scope}", 0);
            logs.Lines.Enqueue(line);
        }
    }
}
