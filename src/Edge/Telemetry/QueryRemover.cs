using System.Diagnostics;
using OpenTelemetry;

namespace Edge.Telemetry;

/// <summary>Removes query strings from all spans: clients send session tokens in them.</summary>
internal sealed class QueryRemover : BaseProcessor<Activity>
{
    public override void OnEnd(Activity data)
    {
        List<KeyValuePair<string, object?>>? found = null;
        foreach (ref readonly var tag in data.EnumerateTagObjects())
        {
            if (TelemetrySources.MayHoldQuery(tag.Key))
            {
                (found ??= []).Add(tag);
            }
        }

        foreach (var (key, value) in found ?? [])
        {
            var text = key == "url.query" ? null : value?.ToString();
            var query = text?.IndexOf('?', StringComparison.Ordinal) ?? -1;
            data.SetTag(key, query >= 0 ? text![..query] : text);
        }
    }
}
