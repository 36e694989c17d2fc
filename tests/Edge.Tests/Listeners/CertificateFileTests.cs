using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Edge.Listeners;
using Microsoft.Extensions.Logging.Abstractions;

namespace Edge.Tests.Listeners;

public class CertificateFileTests
{
    [Fact]
    public void ASecretThatIsReplacedByItsLinkIsReadAgain()
    {
        using var directory = new TemporaryDirectory();
        Write(directory, "first");
        Write(directory, "second");

        // A renewed certificate has a later time than the old one. Here both files were written within one tick of the file system's
        // clock.
        File.SetLastWriteTimeUtc(Path.Combine(directory.File("first"), "tls.pem"), DateTime.UtcNow.AddDays(-60));
        Directory.CreateSymbolicLink(directory.File("data"), directory.File("first"));
        foreach (var name in (string[])["tls.pem", "tls.key"])
        {
            File.CreateSymbolicLink(directory.File(name), Path.Combine("data", name));
        }

        var clock = new ManualTimeProvider();
        var certificate = new CertificateFile(Source(directory), clock, NullLogger.Instance);
        Assert.Equal("CN=first", certificate.Current.TargetCertificate.Subject);

        Directory.Delete(directory.File("data"));
        Directory.CreateSymbolicLink(directory.File("data"), directory.File("second"));
        clock.Advance(TimeSpan.FromMinutes(1));
        Assert.Equal("CN=second", certificate.Current.TargetCertificate.Subject);
    }

    [Fact]
    public void FilesThatCannotBeUsedAnyMoreLeaveTheOldCertificateAndAreSaidOnce()
    {
        using var directory = new TemporaryDirectory();
        using var first = TestCertificate.Create("first");
        using var second = TestCertificate.Create("second");
        using var log = new CapturedLog();
        File.WriteAllText(directory.File("tls.pem"), first.Pem);
        File.WriteAllText(directory.File("tls.key"), first.KeyPem);
        var clock = new ManualTimeProvider();
        var certificate = new CertificateFile(Source(directory), clock, log.CreateLogger("test"));

        File.WriteAllText(directory.File("tls.pem"), second.Pem + "\n");
        for (var i = 0; i < 3; i++)
        {
            clock.Advance(TimeSpan.FromMinutes(1));
            Assert.Equal("CN=first", certificate.Current.TargetCertificate.Subject);
        }

        var kept = Assert.Single(log.Lines, static line => line.Contains("the old certificate stays in use", StringComparison.Ordinal));
        Assert.StartsWith("Warning", kept, StringComparison.Ordinal);
        Assert.Contains("belongs to no certificate", kept, StringComparison.Ordinal);

        File.Delete(directory.File("tls.pem"));
        clock.Advance(TimeSpan.FromMinutes(1));
        Assert.Equal("CN=first", certificate.Current.TargetCertificate.Subject);
        Assert.Single(log.Lines, static line => line.Contains("the file does not exist", StringComparison.Ordinal));

        File.WriteAllText(directory.File("tls.key"), second.KeyPem);
        File.WriteAllText(directory.File("tls.pem"), second.Pem);
        clock.Advance(TimeSpan.FromMinutes(1));
        Assert.Equal("CN=second", certificate.Current.TargetCertificate.Subject);
    }

    [Theory]
    [InlineData(-20, -10, "expired at")]
    [InlineData(10, 20, "is not valid before")]
    [InlineData(-10, 10, null)]
    public void ACertificateThatIsNotValidNowIsWarnedOfAndServed(int from, int until, string? says)
    {
        using var directory = new TemporaryDirectory();
        using var log = new CapturedLog();
        using var made = TestCertificate.Create(
            "dated", from: DateTimeOffset.UtcNow.AddDays(from), until: DateTimeOffset.UtcNow.AddDays(until));
        File.WriteAllText(directory.File("tls.pem"), made.Pem);
        File.WriteAllText(directory.File("tls.key"), made.KeyPem);

        var certificate = new CertificateFile(Source(directory), TimeProvider.System, log.CreateLogger("test"));

        Assert.Equal("CN=dated", certificate.Current.TargetCertificate.Subject);
        if (says is null)
        {
            Assert.Empty(log.Lines);
            return;
        }

        var line = Assert.Single(log.Lines);
        Assert.StartsWith("Warning", line, StringComparison.Ordinal);
        Assert.Contains(directory.File("tls.pem"), line, StringComparison.Ordinal);
        Assert.Contains(says, line, StringComparison.Ordinal);
    }

    private static CertificateSource Source(TemporaryDirectory directory) =>
        new("Kestrel:Certificates:Default", directory.File("tls.pem"), directory.File("tls.key"), null);

    private static void Write(TemporaryDirectory directory, string name)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using var certificate = new CertificateRequest($"CN={name}", key, HashAlgorithmName.SHA256)
            .CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(1));
        Directory.CreateDirectory(directory.File(name));
        File.WriteAllText(Path.Combine(directory.File(name), "tls.pem"), certificate.ExportCertificatePem());
        File.WriteAllText(Path.Combine(directory.File(name), "tls.key"), key.ExportPkcs8PrivateKeyPem());
    }
}
