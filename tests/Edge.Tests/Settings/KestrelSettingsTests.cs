using Edge.Program;
using Edge.Settings;
using Microsoft.Extensions.Configuration;

namespace Edge.Tests.Settings;

/// <summary>The section Kestrel: an unknown setting in it stops the start.</summary>
public class KestrelSettingsTests
{
    private const string Tls = "Kestrel:Endpoints:Tls";
    private const string Url = "https://127.0.0.1:0";

    [Theory]
    [InlineData($"{Tls}:Protocols", "Http9", "http1, http2, http1andhttp2")]
    [InlineData($"{Tls}:Protocols", "Http3", "http1, http2, http1andhttp2")]
    [InlineData($"{Tls}:SslProtocols", "Tls99", "None, Tls12, Tls13")]
    [InlineData($"{Tls}:SslProtocols:0", "Ssl3", "None, Tls12, Tls13")]
    [InlineData($"{Tls}:ClientCertificateMode", "Perhaps", "requirecertificate")]
    [InlineData($"{Tls}:Certificate:AllowInvalid", "maybe", "true and false")]
    [InlineData($"{Tls}:Sni:a.example:Protocols", "Http9", "http1, http2, http1andhttp2")]
    [InlineData("Kestrel:EndpointDefaults:Protocols", "Http9", "http1, http2, http1andhttp2")]
    [InlineData("Kestrel:EndpointDefaults:ClientCertificateMode", "Perhaps", "requirecertificate")]
    public void AWrongValueIsNamedWithWhatIsAllowed(string name, string value, string allowed)
    {
        var error = Refused((name, value), ($"{Tls}:Url", Url), ($"{Tls}:Certificate:Path", "tls.pem"));

        Assert.StartsWith(name.Split(":0")[0], error.Message, StringComparison.Ordinal);
        Assert.Contains($"\"{value}\"", error.Message, StringComparison.Ordinal);
        Assert.Contains(allowed, error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData($"{Tls}:Certificate:KeyFile", "KeyPath")]
    [InlineData($"{Tls}:Certificate:Pasword", "Password")]
    [InlineData($"{Tls}:Sni:a.example:Certificate:File", "Path")]
    [InlineData($"{Tls}:Protocol", "Protocols")]
    [InlineData("Kestrel:Limits:MaxConcurrentConnections", "Edge:Limits")]
    [InlineData("Kestrel:AddServerHeader", "Endpoints")]
    [InlineData("Kestrel:Certificates:Development:Password", "Default")]
    public void AKeyThatNobodyReadsIsRefusedWithoutItsValue(string name, string says)
    {
        var error = Refused((name, "pbqdz-secret"), ($"{Tls}:Url", Url), ($"{Tls}:Certificate:Path", "tls.pem"));

        Assert.StartsWith(
            name.StartsWith("Kestrel:Limits", StringComparison.Ordinal) ? "Kestrel:Limits" : name,
            error.Message,
            StringComparison.Ordinal);
        Assert.Contains(says, error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("pbqdz-secret", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void AnHttpsEndpointNeedsACertificate()
    {
        var error = Refused(($"{Tls}:Url", Url));

        Assert.StartsWith($"{Tls}:Url = \"{Url}\"", error.Message, StringComparison.Ordinal);
        Assert.Contains($"{Tls}:Certificate:Path", error.Message, StringComparison.Ordinal);
        Read(($"{Tls}:Url", Url), ("Kestrel:Certificates:Default:Path", "tls.pem"));
        Read(($"{Tls}:Url", Url), ($"{Tls}:Certificate:Subject", "localhost"), ($"{Tls}:Certificate:Store", "My"));
    }

    [Fact]
    public void EveryServerNameNeedsACertificate()
    {
        var error = Refused(
            ($"{Tls}:Url", Url), ($"{Tls}:Sni:a.example:Certificate:Path", "tls.pem"), ($"{Tls}:Sni:b.example:Protocols", "Http1"));

        Assert.Contains($"{Tls}:Sni:b.example:Certificate:Path", error.Message, StringComparison.Ordinal);
        Read(($"{Tls}:Url", Url), ($"{Tls}:Sni:a.example:Certificate:Path", "tls.pem"));
    }

    [Theory]
    [InlineData($"{Tls}:Certificate:Path", "tls.pem")]
    [InlineData($"{Tls}:SslProtocols:0", "Tls13")]
    [InlineData($"{Tls}:ClientCertificateMode", "RequireCertificate")]
    [InlineData($"{Tls}:Sni:a.example:Certificate:Path", "tls.pem")]
    public void WhatOnlyTlsHasIsRefusedWithoutIt(string name, string value) =>
        Assert.Contains("are for https", Refused(($"{Tls}:Url", "http://127.0.0.1:0"), (name, value)).Message, StringComparison.Ordinal);

    [Theory]
    [InlineData(null, "needs its address")]
    [InlineData("127.0.0.1:8443", "http and https URLs")]
    [InlineData("ftp://127.0.0.1", "http and https URLs")]
    [InlineData("https://127.0.0.1:1/path", "http and https URLs")]
    [InlineData("https://127.0.0.1:99999", "http and https URLs")]
    [InlineData("http://pipe:/name", "http and https URLs")]
    public void AnEndpointNeedsAnAddress(string? url, string says)
    {
        var error = Refused(($"{Tls}:Url", url), ($"{Tls}:Certificate:Path", "tls.pem"));

        Assert.StartsWith($"{Tls}:Url", error.Message, StringComparison.Ordinal);
        Assert.Contains(says, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void AKeyNeedsItsCertificateAndOneSourceIsEnough()
    {
        Assert.StartsWith(
            $"{Tls}:Certificate:KeyPath",
            Refused(($"{Tls}:Url", Url), ($"{Tls}:Certificate:KeyPath", "tls.key")).Message,
            StringComparison.Ordinal);
        Assert.Contains(
            "not both",
            Refused(($"{Tls}:Url", Url), ($"{Tls}:Certificate:Path", "tls.pem"), ($"{Tls}:Certificate:Subject", "localhost")).Message,
            StringComparison.Ordinal);
    }

    private static SettingsException Refused(params (string Key, string? Value)[] settings)
    {
        var error = Assert.Throws<SettingsException>(() => Read(settings));
        Assert.DoesNotContain('\n', error.Message);
        return error;
    }

    private static void Read(params (string Key, string? Value)[] settings) => NodeSettings.Read(Configuration(settings), "/somewhere");

    private static IConfigurationRoot Configuration(params (string Key, string? Value)[] settings) =>
        new ConfigurationBuilder().AddInMemoryCollection(settings.ToDictionary(static pair => pair.Key, static pair => pair.Value)).Build();
}
