using Edge.Program;
using Edge.Settings;
using Microsoft.Extensions.Configuration;

namespace Edge.Tests.Settings;

public class DerpMapSettingsTests
{
    private const string Section = "ControlPlane:DerpMap";

    [Fact]
    public void WithoutSettingsTheMapIsTheNodesOwnRelay()
    {
        var map = Read().ControlPlane.DerpMap;

        Assert.True(map.HasEmbeddedRelay);
        Assert.Equal(
            (999, "embedded", "Embedded Relay", 3478),
            (map.EmbeddedRegionId, map.EmbeddedRegionCode, map.EmbeddedRegionName, map.EmbeddedStunPort));
        Assert.Empty(map.Regions);
        Assert.Empty(map.StunServers);
        Assert.Empty(map.Files);
        Assert.Empty(map.Urls);
        Assert.Equal(TimeSpan.FromMinutes(5), map.RefreshInterval);
        Assert.False(map.BlockDirect || map.ForceWebSockets);
        Assert.Equal("coder", Read().ControlPlane.HostnameSuffix);
    }

    [Theory]
    [InlineData("Relay:Derp:Mode", "off", false, -1)]
    [InlineData("Relay:Stun:Enabled", "false", true, -1)]
    [InlineData("Relay:Stun:Port", "0", true, -1)]
    [InlineData("Relay:Stun:Port", "3479", true, 3479)]
    [InlineData("ControlPlane:DerpMap:Embedded:Enabled", "false", false, 3478)]
    public void WhatTheNodeServesIsInItsMap(string name, string value, bool embedded, int stunPort)
    {
        var map = Read((name, value)).ControlPlane.DerpMap;

        Assert.Equal((embedded, stunPort), (map.HasEmbeddedRelay, map.EmbeddedStunPort));
    }

    [Fact]
    public void EverySettingIsRead()
    {
        var settings = Read(
            ("ControlPlane:HostnameSuffix", "none"),
            ($"{Section}:Embedded:Id", "7"),
            ($"{Section}:Embedded:Code", "e"),
            ($"{Section}:Embedded:Name", "E"),
            ($"{Section}:StunServers", "stun.example.com:3478, [::1]:19302"),
            ($"{Section}:Files:0", "map.json"),
            ($"{Section}:Urls:0", "https://example.com/map.json?a=b"),
            ($"{Section}:RefreshInterval", "30s"),
            ($"{Section}:BlockDirect", "true"),
            ($"{Section}:ForceWebSockets", "true"),
            ($"{Section}:Regions:0:Id", "1"),
            ($"{Section}:Regions:0:Code", "fra"),
            ($"{Section}:Regions:0:Name", "Frankfurt"),
            ($"{Section}:Regions:0:Avoid", "true"),
            ($"{Section}:Regions:0:Nodes:0:Name", "a"),
            ($"{Section}:Regions:0:Nodes:0:HostName", "relay.example.com"),
            ($"{Section}:Regions:0:Nodes:0:CertName", "cert.example.com"),
            ($"{Section}:Regions:0:Nodes:0:IPv4", "192.0.2.1"),
            ($"{Section}:Regions:0:Nodes:0:IPv6", "none"),
            ($"{Section}:Regions:0:Nodes:0:DerpPort", "8443"),
            ($"{Section}:Regions:0:Nodes:0:StunPort", "off"),
            ($"{Section}:Regions:0:Nodes:0:ForceHttp", "true"),
            ($"{Section}:Regions:0:Nodes:0:CanPort80", "true"),
            ($"{Section}:Regions:0:Nodes:1:HostName", "192.0.2.2"),
            ($"{Section}:Regions:0:Nodes:1:StunOnly", "true"),
            ($"{Section}:Regions:0:Nodes:1:StunPort", "3479")).ControlPlane;

        var map = settings.DerpMap;
        Assert.Equal("", settings.HostnameSuffix);
        Assert.Equal((7, "e", "E"), (map.EmbeddedRegionId, map.EmbeddedRegionCode, map.EmbeddedRegionName));
        Assert.Equal(
            [("stun.example.com", 3478), ("::1", 19302)],
            map.StunServers.Select(static server => (server.Host.Trim('[', ']'), server.Port)));
        Assert.Equal("/somewhere/map.json", Assert.Single(map.Files));
        Assert.Equal("https://example.com/map.json?a=b", Assert.Single(map.Urls).ToString());
        Assert.Equal(TimeSpan.FromSeconds(30), map.RefreshInterval);
        Assert.True(map.BlockDirect && map.ForceWebSockets);
        var region = Assert.Single(map.Regions);
        Assert.Equal((1, "fra", "Frankfurt", true), (region.Id, region.Code, region.Name, region.Avoid));
        Assert.Equal(
            ("a", "relay.example.com", "cert.example.com", "192.0.2.1", "none", 8443, -1, true, true),
            (
                region.Nodes[0].Name, region.Nodes[0].HostName, region.Nodes[0].CertName, region.Nodes[0].IPv4, region.Nodes[0].IPv6,
                region.Nodes[0].DerpPort, region.Nodes[0].StunPort, region.Nodes[0].ForceHttp, region.Nodes[0].CanPort80));
        Assert.Equal(("1-2", true, 3479), (region.Nodes[1].Name, region.Nodes[1].StunOnly, region.Nodes[1].StunPort));
    }

    [Theory]
    [InlineData("ControlPlane:HostnameSuffix", "a b", "a name")]
    [InlineData("ControlPlane:DerpMap:Embedded:Id", "0", "whole number from 1")]
    [InlineData("ControlPlane:DerpMap:StunServers", "stun.example.com", "host:port")]
    [InlineData("ControlPlane:DerpMap:StunServers", "a:0", "host:port")]
    [InlineData("ControlPlane:DerpMap:Urls", "ftp://a", "http or https URL")]
    [InlineData("ControlPlane:DerpMap:RefreshInterval", "10", "duration")]
    [InlineData("ControlPlane:DerpMap:Regions:0:Name", "x", "needs an id")]
    [InlineData("ControlPlane:DerpMap:Regions:0:Id", "1", "at least one node")]
    [InlineData("ControlPlane:DerpMap:Nothing", "1", "no such setting")]
    public void AWrongSettingIsNamed(string name, string value, string says)
    {
        var error = Assert.Throws<SettingsException>(() => Read((name, value)));

        Assert.StartsWith("ControlPlane:", error.Message, StringComparison.Ordinal);
        Assert.Contains(says, error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("HostName", null, "name or the address")]
    [InlineData("HostName", "a b", "name or the address")]
    [InlineData("IPv4", "x", "IP address, or none")]
    [InlineData("DerpPort", "70000", "whole number")]
    [InlineData("StunPort", "-1", "whole number")]
    public void AWrongNodeIsNamed(string name, string? value, string says)
    {
        const string Node = $"{Section}:Regions:0:Nodes:0";
        var error = Assert.Throws<SettingsException>(() => Read(
            ($"{Section}:Regions:0:Id", "1"),
            ($"{Node}:HostName", name == "HostName" ? value : "a"),
            ($"{Node}:Name", "a"),
            ($"{Node}:{name}", value)));

        Assert.Contains($"{Node}:{name}", error.Message, StringComparison.Ordinal);
        Assert.Contains(says, error.Message, StringComparison.Ordinal);
    }

    private static NodeSettings Read(params (string Key, string? Value)[] settings) => NodeSettings.Read(
        new ConfigurationBuilder()
            .AddInMemoryCollection(
                settings.DistinctBy(static pair => pair.Key).ToDictionary(static pair => pair.Key, static pair => pair.Value)).Build(),
        "/somewhere");
}
