namespace Edge.Derp.Admission;

internal sealed partial class AdmissionAnswers
{
    [LoggerMessage(Level = LogLevel.Warning, Message = "Admission of DERP clients: asking {Source} brings no answer ({Verdict})")]
    private partial void LogFails(AdmissionSource source, AdmissionVerdict verdict);

    [LoggerMessage(Level = LogLevel.Information, Message = "Admission of DERP clients: {Source} answers again")]
    private partial void LogAnswers(AdmissionSource source);
}
