using System.Net;
using Edge.LocalAgent;
using Edge.Program;
using Edge.Settings;
using LocalAgent.Terminals;
using Microsoft.Extensions.Configuration;

namespace Edge.Tests.LocalAgent;

/// <summary>Where this machine's shells are given, and with what limits.</summary>
public sealed class LocalAgentSettingsTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Theory]
    [InlineData("auto", "all", "127.0.0.1 ::1", true)]
    [InlineData("auto", "api", "127.0.0.1", true)]
    [InlineData("auto", "all", "127.0.0.1 0.0.0.0", false)]
    [InlineData("auto", "all", "127.0.0.1 10.0.0.5", false)]
    [InlineData("auto", "all", "name", false)]
    [InlineData("auto", "relay", "127.0.0.1", false)]
    [InlineData("on", "all", "0.0.0.0", true)]
    [InlineData("on", "api", "name", true)]
    [InlineData("off", "all", "127.0.0.1", false)]
    public void ItIsOnOnlyWhereItWasMeant(string value, string mode, string listeners, bool expected) =>
        Assert.Equal(expected, IsOn(listeners, ("ControlPlane:LocalAgent", value), ("Edge:Mode", mode)));

    [Fact]
    public void WithoutAnApiServerHereItCannotBeOn()
    {
        var error = Assert.Throws<SettingsException>(
            () => IsOn("127.0.0.1", ("ControlPlane:LocalAgent", "on"), ("Edge:Backends", "http://10.0.0.1")));
        Assert.StartsWith("ControlPlane:LocalAgent", error.Message, StringComparison.Ordinal);
        Assert.False(IsOn("127.0.0.1", ("Edge:Backends", "http://10.0.0.1")));
    }

    [Theory]
    [InlineData("ControlPlane:LocalAgent", "maybe", "auto, on, off")]
    [InlineData("ControlPlane:LocalAgent:IdleTimeout", "10", "duration")]
    [InlineData("ControlPlane:Terminals:MaxSessions", "0", "1 to 1000")]
    [InlineData("ControlPlane:Terminals:MaxAttachments", "x", "whole number")]
    [InlineData("ControlPlane:Terminals:DetachedTimeout", "0s", "duration")]
    [InlineData("ControlPlane:Terminals:MaxOutputRate", "5", "65536")]
    [InlineData("ControlPlane:Terminals:Shell", "x", "no such setting")]
    public void AWrongValueIsNamed(string name, string value, string says)
    {
        var error = Assert.Throws<SettingsException>(() => Read((name, value)));
        Assert.StartsWith(name, error.Message, StringComparison.Ordinal);
        Assert.Contains(says, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void AnAgentThatIsStartedGetsTheSameSettings()
    {
        var settings = new LocalAgentSettings(LocalAgentMode.Auto, TimeSpan.Zero, new TerminalOptions
        {
            MaxSessions = 7,
            MaxAttachments = 8,
            DetachedTimeout = TimeSpan.FromMilliseconds(1500),
            MaxOutputRate = 1 << 20,
        });
        var configuration = new ConfigurationBuilder().AddCommandLine([.. settings.ToArguments()]).Build();
        Assert.Equal(settings, LocalAgentSettings.Read(new SettingsReader(configuration)));
    }

    private static NodeSettings Read(params (string Name, string Value)[] values) => NodeSettings.Read(
        new ConfigurationBuilder()
            .AddInMemoryCollection(values.Select(static value => KeyValuePair.Create(value.Name, (string?)value.Value))).Build(), "/");

    private bool IsOn(string listeners, params (string Name, string Value)[] values)
    {
        var settings = Read(values);
        var endPoints = listeners.Split(' ')
            .Select(static text => IPAddress.TryParse(text, out var address) ? new IPEndPoint(address, 1) : null);
        return settings.LocalAgent.IsOn(settings.Options, DataDirectory.Open(_directory.File("data")), endPoints);
    }
}
