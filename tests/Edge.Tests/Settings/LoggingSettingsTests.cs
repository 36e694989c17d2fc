using Edge.Settings;
using Edge.Telemetry;
using Microsoft.Extensions.Configuration;

namespace Edge.Tests.Settings;

public class LoggingSettingsTests
{
    [Theory]
    [InlineData("Logging:LogLevel:Default", "Bogus", "trace, debug, information, warning, error, critical, none")]
    [InlineData("Logging:LogLevel:Default", "7", "trace, debug")]
    [InlineData("Logging:LogLevel:Edge.Proxy", "Loud", "trace, debug")]
    [InlineData("Logging:LogLevel", "Debug", "Logging:LogLevel:Default")]
    [InlineData("Logging:Console:LogLevel:Default", "Bogus", "trace, debug")]
    [InlineData("Logging:Console:FormatterName", "xml", "simple, json")]
    [InlineData("Logging:Console:FormatterOptions:UseUtcTimestamp", "maybe", "true and false")]
    [InlineData("Logging:Console:FormatterOptions:SingleLine", "1", "true and false")]
    [InlineData("Logging:Console:FormatterOptions:ColorBehavior", "Red", "disabled")]
    [InlineData("Logging:Console:FormatterOptions:TimestampFormat", "%", "a .NET date format")]
    [InlineData("Logging:Console:MaxQueueLength", "0", "whole number from 1")]
    [InlineData("Logging:Console:MaxQueueLength", "many", "whole number from 1")]
    [InlineData("Logging:Console:QueueFullMode", "Shout", "wait, dropwrite")]
    [InlineData("Logging:Console:LogToStandardErrorThreshold", "Loud", "trace, debug")]
    [InlineData("Logging:CaptureScopes", "maybe", "true and false")]
    public void AWrongValueIsNamedWithWhatIsAllowed(string name, string value, string allowed)
    {
        var error = Refused(name, value);

        Assert.StartsWith($"{name} = \"{value}\"", error.Message, StringComparison.Ordinal);
        Assert.Contains(allowed, error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("Logging:Consle:LogLevel:Default", "Console")]
    [InlineData("Logging:Console:FormaterOptions:SingleLine", "FormatterOptions")]
    [InlineData("Logging:Console:FormatterOptions:UtcTimestamp", "UseUtcTimestamp")]
    [InlineData("Logging:Loglevels:Default", "LogLevel")]
    public void AKeyThatNobodyReadsIsRefused(string name, string says)
    {
        var error = Refused(name, "Debug");

        Assert.StartsWith($"{name}: no such setting", error.Message, StringComparison.Ordinal);
        Assert.Contains(says, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void WhatTheFrameworkKnowsIsAllowed() => Check(new()
    {
        ["Logging:LogLevel:Default"] = "debug",
        ["Logging:LogLevel:Microsoft.AspNetCore*"] = "None",
        ["Logging:Console:LogLevel:Default"] = "Trace",
        ["Logging:Console:FormatterName"] = "JSON",
        ["Logging:Console:FormatterOptions:TimestampFormat"] = "HH:mm:ss ",
        ["Logging:Console:FormatterOptions:JsonWriterOptions:Indented"] = "true",
        ["Logging:Console:MaxQueueLength"] = "1",
    });

    private static SettingsException Refused(string name, string value) =>
        Assert.Throws<SettingsException>(() => Check(new() { [name] = value }));

    private static void Check(Dictionary<string, string?> settings) =>
        LoggingSettings.Check(new ConfigurationBuilder().AddInMemoryCollection(settings).Build());
}
