using System.Text;
using Edge.Derp.Admission;
using Edge.Program;
using Edge.Settings;
using FsCheck;
using FsCheck.Fluent;
using Microsoft.Extensions.Configuration;

namespace Edge.Tests.Derp;

/// <summary>What may be said about admission, and how an answer about a client is read.</summary>
public class DerpAdmissionSettingsTests
{
    private const string Name = "Relay:Derp:Admission";

    [Fact]
    public void SourcesAreAListInEitherFormWithDefaults()
    {
        var one = Read((Name, "File, url"), ("Relay:Derp:AllowedKeysFile", "keys"), ("Relay:Derp:AdmissionUrl", "http://h/verify?k=1"));
        var two = Read(($"{Name}:0", "tailscaled"));

        Assert.Equal([AdmissionSource.File, AdmissionSource.Url], one.Sources);
        Assert.Equal(
            ("keys", "http://h/verify?k=1", false, null),
            (one.AllowedKeysFile, one.Url?.AbsoluteUri, one.UrlFailOpen, one.TailscaledSocket));
        Assert.Equal("/var/run/tailscale/tailscaled.sock", two.TailscaledSocket);
        Assert.Equal(
            (5, 60, 10, 300),
            (two.Timeout.TotalSeconds, two.Cache.TotalSeconds, two.RefusalCache.TotalSeconds, two.Recheck.TotalSeconds));
        Assert.Equal(2, Read((Name, "open"), ("Relay:Derp:AdmissionCache", "2s")).RefusalCache.TotalSeconds);
        Assert.False(Read().IsSet);
        Assert.True(Read((Name, "open")).IsSet);
    }

    [Theory]
    [InlineData(Name, "opened", null, null, "allowed are open, file, url, tailscaled, jwt")]
    [InlineData(Name, "1", null, null, "allowed are open")]
    [InlineData(Name, "open, tailscaled", null, null, "excludes other sources")]
    [InlineData(Name, "file", null, null, "Relay:Derp:AllowedKeysFile: the setting is required")]
    [InlineData(Name, "url", null, null, "Relay:Derp:AdmissionUrl: the setting is required")]
    [InlineData(Name, "jwt", null, null, "jwt needs Edge:Authentication:Jwt")]
    [InlineData(Name, "open", "Relay:Derp:AdmissionUrl", "http://h", "Relay:Derp:AdmissionUrl: the setting has no effect")]
    [InlineData(Name, null, "Relay:Derp:AllowedKeysFile", "keys", "Relay:Derp:AllowedKeysFile: the setting has no effect")]
    [InlineData(Name, "open", "Relay:Derp:AdmissionUrlFailOpen", "true", "has no effect")]
    [InlineData(Name, "open", "Relay:Derp:TailscaledSocket", "/s", "has no effect")]
    [InlineData(Name, "url", "Relay:Derp:AdmissionUrl", "ftp://h?secret=1", "allowed is an http or https URL")]
    [InlineData(Name, "url", "Relay:Derp:AdmissionUrl", "http://u:secret=1@h/", "without user")]
    [InlineData(Name, "tailscaled", "Relay:Derp:AdmissionTimeout", "11s", "00:00:10")]
    public void AWrongOneStopsTheStart(string name, string? value, string? other, string? otherValue, string says)
    {
        var error = Assert.Throws<SettingsException>(() => Read((name, value), (other ?? "Edge:Mode", otherValue ?? "relay")));

        Assert.Contains(says, error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("secret", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void WhereDerpIsForwardedNobodyHereDecides()
    {
        (string, string?)[] forward = [("Edge:Mode", "edge"), ("Edge:Backends", "http://a")];

        Assert.Contains(
            "forwards DERP",
            Assert.Throws<SettingsException>(() => Read([.. forward, (Name, "tailscaled")])).Message,
            StringComparison.Ordinal);
        Assert.True(Read([.. forward, (Name, "open")]).IsSet);
    }

    [Fact]
    public void ARelayMayVerifyTokensForAdmission()
    {
        (string, string?)[] relay =
        [
            ("Edge:Mode", "relay"), ("Edge:Authentication:Jwt:Authority", "https://id.example.com"),
            ("Edge:Authentication:Jwt:Audience", "edge"),
        ];

        Assert.True(Read([.. relay, (Name, "jwt")]).NeedsToken);
        Assert.Contains(
            "modes all and edge",
            Assert.Throws<SettingsException>(() => Read([.. relay, (Name, "open")])).Message,
            StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("{\"Allow\":true}\n", AdmissionVerdict.Admitted)]
    [InlineData("{\"allow\":true,\"Other\":{\"a\":[1]}}", AdmissionVerdict.Admitted)]
    [InlineData("{\"Allow\":false}", AdmissionVerdict.Refused)]
    [InlineData("{}", AdmissionVerdict.Unusable)]
    [InlineData("{\"Allow\":\"true\"}", AdmissionVerdict.Unusable)]
    [InlineData("{\"Allow\":1}", AdmissionVerdict.Unusable)]
    [InlineData("[true]", AdmissionVerdict.Unusable)]
    [InlineData("null", AdmissionVerdict.Unusable)]
    [InlineData("true", AdmissionVerdict.Unusable)]
    [InlineData("", AdmissionVerdict.Unusable)]
    [InlineData("<html>", AdmissionVerdict.Unusable)]
    public void OnlyAPlainAnswerIsOne(string json, object verdict) =>
        Assert.Equal((AdmissionVerdict)verdict, UrlAuthority.Verdict(Encoding.UTF8.GetBytes(json)));

    [Fact]
    public void ACutAnswerIsNone()
    {
        var json = "{\"Allow\":true}"u8.ToArray();
        for (var length = 0; length < json.Length; length++)
        {
            Assert.Equal(AdmissionVerdict.Unusable, UrlAuthority.Verdict(json.AsSpan(0, length)));
        }

        var deep = Encoding.UTF8.GetBytes("{\"Allow\":true,\"x\":" + new string('[', 2000) + new string(']', 2000) + "}");
        Assert.Equal(AdmissionVerdict.Unusable, UrlAuthority.Verdict(deep));
    }

    [Fact]
    public void NoBytesMakeTheReaderThrow() =>
        Prop.ForAll<byte[]?>(static bytes => UrlAuthority.Verdict(bytes) is AdmissionVerdict.Unusable).QuickCheckThrowOnFailure();

    private static DerpAdmissionSettings Read(params (string Key, string? Value)[] settings) => NodeSettings.Read(
        new ConfigurationBuilder().AddInMemoryCollection(settings.ToDictionary(static pair => pair.Key, static pair => pair.Value)).Build(),
        "/somewhere").Derp.Admission;
}
