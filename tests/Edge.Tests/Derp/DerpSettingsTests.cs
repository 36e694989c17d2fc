using Edge.Derp;
using Edge.Derp.Mesh;
using Edge.Program;
using Edge.Settings;
using Microsoft.Extensions.Configuration;
using Relay.Derp;

namespace Edge.Tests.Derp;

public class DerpSettingsTests
{
    [Theory]
    [InlineData("Relay:Derp:MeshWith", "derp1.example.com", "set Relay:Derp:MeshKeyFile")]
    [InlineData("Relay:Derp:MeshWith", "a/b/c", "host:port")]
    [InlineData("Relay:Derp:RateLimitPerClient", "fast", "whole number")]
    [InlineData("Relay:Derp:RateLimitTotalBurst", "-1", "whole number")]
    [InlineData("Relay:Derp:BootstrapDnsNames", "a b", "DNS names")]
    [InlineData("Relay:Derp:BootstrapDnsNames", "10.0.0.7", "DNS names")]
    [InlineData("Relay:Derp:BootstrapDnsRefresh", "1s", "duration")]
    [InlineData("Relay:Derp:TcpUserTimeout", "15", "duration")]
    public void AWrongOneIsNamedWithItsValueAndWhatIsAllowed(string name, string value, string allowed)
    {
        var error = Assert.Throws<SettingsException>(() => Read((name, value)));

        Assert.StartsWith($"{name} = \"{value}\"", error.Message, StringComparison.Ordinal);
        Assert.Contains(allowed, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void AMeshIsNotPromisedWhereNothingIsServed()
    {
        var error = Assert.Throws<SettingsException>(
            () => Read(("Relay:Derp:Mode", "off"), ("Relay:Derp:MeshKeyFile", "/k"), ("Relay:Derp:MeshWith", "one.example.com")));

        Assert.Contains("Relay:Derp:Mode=serve", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void RatesAreSetInOnePlace()
    {
        var error = Assert.Throws<SettingsException>(() => Read(("Relay:Derp:RateConfigFile", "f"), ("Relay:Derp:RateLimitTotal", "5")));

        Assert.Contains("not both", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void WhatIsSetIsRead()
    {
        var derp = Read(
            ("Relay:Derp:MeshKeyFile", "/k"),
            ("Relay:Derp:MeshWith", "one.example.com/10.0.0.1, http://10.0.0.2:80"),
            ("Relay:Derp:RateLimitPerClient", "100"),
            ("Relay:Derp:RateLimitPerClientBurst", "200"),
            ("Relay:Derp:RateLimitTotal", "300"),
            ("Relay:Derp:BootstrapDnsNames", "login.example.com,derp.example.com"),
            ("Relay:Derp:TcpUserTimeout", "0s"));

        Assert.Equal(("/k", 2, "10.0.0.1"), (derp.Mesh.KeyFile, derp.Mesh.With.Count, derp.Mesh.With[0].DialHost));
        Assert.Equal((new DerpRateLimit(100, 200), new DerpRateLimit(300, 0)), (derp.Rates.Fixed.PerClient, derp.Rates.Fixed.Total));
        Assert.Equal(["login.example.com", "derp.example.com"], derp.BootstrapDns.Names);
        Assert.Equal((TimeSpan.Zero, TimeSpan.FromMinutes(10)), (derp.Server.TcpUserTimeout, derp.BootstrapDns.Refresh));
    }

    [Theory]
    [InlineData("short")]
    [InlineData("0000000000000000000000000000000000000000000000000000000000000000")]
    public void AMeshKeyThatIsNoneStopsTheStart(string text)
    {
        using var directory = new TemporaryDirectory();
        File.WriteAllText(directory.File("mesh.key"), text);

        var error = Assert.Throws<SettingsException>(() => MeshKeyFile.Read(directory.File("mesh.key")));

        Assert.StartsWith("Relay:Derp:MeshKeyFile = ", error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain(text, error.Message, StringComparison.Ordinal);
        Assert.Throws<SettingsException>(() => MeshKeyFile.Read(directory.File("none")));
    }

    private static DerpSettings Read(params (string Key, string? Value)[] settings) => NodeSettings.Read(
        new ConfigurationBuilder().AddInMemoryCollection(settings.ToDictionary(static pair => pair.Key, static pair => pair.Value)).Build(),
        "/somewhere").Derp;
}
