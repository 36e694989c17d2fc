using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Edge.Program;
using Edge.Settings;
using Microsoft.Extensions.Configuration;

namespace Edge.Tests.Settings;

/// <summary>What the embedded API server is told of other services and of clouds.</summary>
public sealed class ApiServerSettingTests : IDisposable
{
    private const string Provider = "ControlPlane:ExternalAuth:0:";
    private const string Identity = "ControlPlane:InstanceIdentity:";

    private readonly TemporaryDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Fact]
    public void WithoutThemThereIsNoProviderAndNoCloud()
    {
        var settings = Read();

        Assert.Empty(settings.ExternalAuth);
        Assert.Empty(settings.InstanceIdentity.AwsCertificates);
        Assert.Empty(settings.InstanceIdentity.AzureCertificates);
        Assert.Null(settings.InstanceIdentity.GoogleKeys);
        Assert.Equal("coder", settings.InstanceIdentity.GoogleAudience);
    }

    [Fact]
    public void ProvidersAreReadInTheOrderOfTheirNumbers()
    {
        var settings = Read(
            ("ControlPlane:ExternalAuth:10:Id", "last"),
            ("ControlPlane:ExternalAuth:10:Type", "gitea"),
            ("ControlPlane:ExternalAuth:10:TokenFile", "shared-token"),
            (Provider + "Id", "github"),
            (Provider + "Type", "github"),
            (Provider + "Regex", @"^(https?://)?github\.com(/|$)"),
            (Provider + "DisplayName", "GitHub"),
            (Provider + "LinkUrl", "https://github.com/settings/tokens"));

        Assert.Equal(["github", "last"], settings.ExternalAuth.Select(static provider => provider.Id));
        Assert.Matches(settings.ExternalAuth[0].Pattern!, "https://github.com/a/b");
        Assert.Equal("GitHub", settings.ExternalAuth[0].DisplayName);
        Assert.Equal(_directory.File("shared-token"), settings.ExternalAuth[1].TokenFile);
        Assert.Equal("last", settings.ExternalAuth[1].DisplayName);
    }

    [Theory]
    [InlineData("Id", null, "letters, digits")]
    [InlineData("Id", "a b", "letters, digits")]
    [InlineData("Type", null, "letters, digits")]
    [InlineData("Regex", "(", "regular expression")]
    [InlineData("Regex", "(?=x)", "regular expression")]
    [InlineData("LinkUrl", "ftp://a", "http or https URL")]
    [InlineData("LinkUrl", null, "either LinkUrl")]
    [InlineData("TokenFile", "t", "either LinkUrl")]
    [InlineData("Secret", "x", "no such setting")]
    public void AWrongProviderStopsTheStart(string name, string? value, string says)
    {
        var error = Assert.Throws<SettingsException>(() => Read(
            (Provider + "Id", "github"), (Provider + "Type", "github"), (Provider + "LinkUrl", "https://a"), (Provider + name, value)));

        Assert.StartsWith("ControlPlane:ExternalAuth:0", error.Message, StringComparison.Ordinal);
        Assert.Contains(says, error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', error.Message);
    }

    [Fact]
    public void TwoProvidersOfOneIdStopTheStart()
    {
        var error = Assert.Throws<SettingsException>(() => Read(
            (Provider + "Id", "git"),
            (Provider + "Type", "github"),
            (Provider + "LinkUrl", "https://a"),
            ("ControlPlane:ExternalAuth:1:Id", "git"),
            ("ControlPlane:ExternalAuth:1:Type", "gitlab"),
            ("ControlPlane:ExternalAuth:1:LinkUrl", "https://b")));

        Assert.StartsWith("ControlPlane:ExternalAuth:1:Id", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void CertificatesAndKeysAreReadAtTheStart()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using var certificate = new CertificateRequest("CN=root", key, HashAlgorithmName.SHA256)
            .CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(1));
        File.WriteAllText(_directory.File("roots.pem"), certificate.ExportCertificatePem() + "\n" + certificate.ExportCertificatePem());
        File.WriteAllText(_directory.File("keys.json"), "{}");
        var settings = Read(
            (Identity + "Aws:CertificatesFile", "roots.pem"),
            (Identity + "Azure:CertificatesFile", "roots.pem"),
            (Identity + "Azure:CommonNames", "metadata.example.com"),
            (Identity + "Google:Keys", "keys.json"),
            (Identity + "Google:Audience", "edge")).InstanceIdentity;

        Assert.Equal(2, settings.AwsCertificates.Count);
        Assert.Equal(2, settings.AzureCertificates.Count);
        Assert.Equal(["metadata.example.com"], settings.AzureCommonNames);
        Assert.True(settings.GoogleKeys!.IsFile);
        Assert.Equal("edge", settings.GoogleAudience);
        Assert.Equal(
            "https://www.googleapis.com/oauth2/v3/certs",
            Read((Identity + "Google:Keys", "https://www.googleapis.com/oauth2/v3/certs")).InstanceIdentity.GoogleKeys!.AbsoluteUri);
    }

    [Theory]
    [InlineData("Aws:CertificatesFile", "nothing.pem", "file of certificates")]
    [InlineData("Aws:CertificatesFile", "empty.pem", "the file has no certificate")]
    [InlineData("Azure:CertificatesFile", "empty.pem", "the file has no certificate")]
    [InlineData("Google:Keys", "nothing.json", "the file does not exist")]
    [InlineData("Google:Keys", "http://keys.example.com/", "https URL")]
    [InlineData("Aws:Certificates", "x", "no such setting")]
    public void AWrongCloudStopsTheStart(string name, string value, string says)
    {
        File.WriteAllText(_directory.File("empty.pem"), "nothing here");
        var error = Assert.Throws<SettingsException>(() => Read((Identity + name, value)));

        Assert.StartsWith(Identity + name, error.Message, StringComparison.Ordinal);
        Assert.Contains(says, error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', error.Message);
    }

    private NodeSettings Read(params (string Key, string? Value)[] settings)
    {
        var values = new Dictionary<string, string?>();
        foreach (var (key, value) in settings)
        {
            values[key] = value;
        }

        return NodeSettings.Read(new ConfigurationBuilder().AddInMemoryCollection(values).Build(), _directory.Path);
    }
}
