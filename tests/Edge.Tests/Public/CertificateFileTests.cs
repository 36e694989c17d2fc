using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Edge.Public;
using Microsoft.Extensions.Logging.Abstractions;

namespace Edge.Tests.Public;

public class CertificateFileTests
{
    [Fact]
    public void ASecretThatIsReplacedByItsLinkIsReadAgain()
    {
        using var directory = new TemporaryDirectory();
        Write(directory, "first");
        Write(directory, "second");

        // As a renewal has it; both were written within one tick of the file system's clock.
        File.SetLastWriteTimeUtc(Path.Combine(directory.File("first"), "tls.pem"), DateTime.UtcNow.AddDays(-60));
        Directory.CreateSymbolicLink(directory.File("data"), directory.File("first"));
        foreach (var name in (string[])["tls.pem", "tls.key"])
        {
            File.CreateSymbolicLink(directory.File(name), Path.Combine("data", name));
        }

        var clock = new ManualTimeProvider();
        var certificate = new CertificateFile(directory.File("tls.pem"), directory.File("tls.key"), null, clock, NullLogger.Instance);
        Assert.Equal("CN=first", certificate.Current.TargetCertificate.Subject);

        Directory.Delete(directory.File("data"));
        Directory.CreateSymbolicLink(directory.File("data"), directory.File("second"));
        clock.Advance(TimeSpan.FromMinutes(1));
        Assert.Equal("CN=second", certificate.Current.TargetCertificate.Subject);
    }

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
