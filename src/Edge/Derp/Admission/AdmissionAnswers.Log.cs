namespace Edge.Derp.Admission;

internal sealed partial class AdmissionAnswers
{
    [LoggerMessage(EventId = 1003, Level = LogLevel.Warning, Message = "DERP admission: The source {Source} does not answer ({Verdict})")]
    private partial void LogFails(AdmissionSource source, AdmissionVerdict verdict);

    [LoggerMessage(EventId = 1004, Level = LogLevel.Information, Message = "DERP admission: The source {Source} answers again")]
    private partial void LogAnswers(AdmissionSource source);
}
