using Relay.Derp;
using Relay.Derp.Wire;

namespace Edge.Derp.Admission;

/// <summary>
/// Decides about clients by their keys. Every configured source has to admit a client: first the list of keys, which costs
/// nothing, then the external sources. Mesh peers are exempt (derp.md §3.10). <see cref="DerpTokenGate"/> checks tokens before.
/// </summary>
internal sealed partial class DerpAdmission : IDisposable
{
    private readonly AllowedKeysFile? _file;
    private readonly AdmissionAnswers[] _answers;
    private readonly AdmissionMetrics _metrics;
    private readonly ILogger _logger;

    public DerpAdmission(DerpAdmissionSettings settings, AdmissionMetrics metrics, TimeProvider time, ILogger<DerpAdmission> logger)
    {
        (_metrics, _logger) = (metrics, logger);
        _file = settings.AllowedKeysFile is { } path ? new AllowedKeysFile(path, logger) : null;
        IAdmissionAuthority?[] authorities =
        [
            settings.TailscaledSocket is { } socket ? new TailscaledAuthority(socket) : null,
            settings.Url is { } url ? new UrlAuthority(url, settings.UrlFailOpen) : null,
        ];
        _answers =
        [
            .. authorities.OfType<IAdmissionAuthority>()
                .Select(authority => new AdmissionAnswers(authority, settings, metrics, time, logger)),
        ];
    }

    /// <summary>The list of keys; null when it is no source.</summary>
    public AllowedKeysFile? File => _file;

    /// <summary>Whether a client that connects may use the relay.</summary>
    public async ValueTask<bool> AdmitAsync(DerpAdmissionRequest client, CancellationToken cancellationToken)
    {
        if (_file is not null
            && !Decide(client, AdmissionSource.File, _file.Allows(client.Key) ? AdmissionVerdict.Admitted : AdmissionVerdict.Refused))
        {
            return false;
        }

        foreach (var answers in _answers)
        {
            if (!Decide(client, answers.Source, await answers.GetAsync(client)))
            {
                return false;
            }
        }

        // The list may have changed meanwhile, and AdmissionWatch does not see clients that are not connected yet.
        return _file is null || _file.Allows(client.Key);
    }

    /// <summary>Decides again about a connected client. Only <see cref="AdmissionVerdict.Refused"/> should close its connection.</summary>
    public async ValueTask<(AdmissionVerdict Verdict, AdmissionSource Source)> RecheckAsync(DerpAdmissionRequest client)
    {
        if (_file is not null && !_file.Allows(client.Key))
        {
            return (AdmissionVerdict.Refused, AdmissionSource.File);
        }

        var result = (Verdict: AdmissionVerdict.Admitted, Source: AdmissionSource.File);
        foreach (var answers in _answers)
        {
            var verdict = await answers.AskAgainAsync(client);
            if (verdict is AdmissionVerdict.Refused)
            {
                return (verdict, answers.Source);
            }

            result = verdict is AdmissionVerdict.Admitted ? result : (verdict, answers.Source);
        }

        return result;
    }

    public void Dispose()
    {
        foreach (var answers in _answers)
        {
            answers.Dispose();
        }
    }

    private bool Decide(DerpAdmissionRequest client, AdmissionSource source, AdmissionVerdict verdict)
    {
        _metrics.Decided(source, verdict);
        var admits = verdict is AdmissionVerdict.Admitted or AdmissionVerdict.FailOpen;
        if (!admits)
        {
            LogNotAdmitted(client.Key, source, verdict);
        }

        return admits;
    }

    [LoggerMessage(
        EventId = 1009, Level = LogLevel.Debug,
        Message = "The DERP client {Key} is not admitted: the source {Source} says {Verdict}")]
    private partial void LogNotAdmitted(NodeKey key, AdmissionSource source, AdmissionVerdict verdict);
}
