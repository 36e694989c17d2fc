using Edge.Listeners;
using Edge.Settings;

namespace Edge.Tests.Listeners;

/// <summary>What certificate files may hold, and how each fault is named.</summary>
public sealed class CertificateSourceTests : IDisposable
{
    private const string Setting = "Kestrel:Certificates:Default";
    private const string Password = "pbqdz-secret";
    private const string ClientAuthentication = "1.3.6.1.5.5.7.3.2";

    // A key made for this test, used nowhere else.
    private const string Ed25519 = """
        -----BEGIN PRIVATE KEY-----
        MC4CAQAwBQYDK2VwBCIEIBrVBV+ziTd6eoyP87b7SHQ6COapKYGaNrxQijTIDaZn
        -----END PRIVATE KEY-----
        -----BEGIN CERTIFICATE-----
        MIIBOjCB7aADAgECAhQ0lo6AFB0Y6jVsMa/HAuYunHLw8DAFBgMrZXAwEjEQMA4G
        A1UEAwwHZWQyNTUxOTAgFw0yNjExMzAxNjU5MThaGA8yMTI2MTEwNjE2NTkxOFow
        EjEQMA4GA1UEAwwHZWQyNTUxOTAqMAUGAytlcAMhAC8s07ViZUC/a9vV5V4BpxyW
        DZWYjIXenB/aPswXprEFo1MwUTAdBgNVHQ4EFgQUciLtlYRLidNRQxaR3u5WXshZ
        MFkwHwYDVR0jBBgwFoAUciLtlYRLidNRQxaR3u5WXshZMFkwDwYDVR0TAQH/BAUw
        AwEB/zAFBgMrZXADQQA5KBREDIaD0oX0U83jXq68XRpCATE731yzACZ7syyXrE3T
        Z1KSJ0whya8uDHV+ZzGj0jzmZQD1OfNnYdGh+dkG
        -----END CERTIFICATE-----
        """;

    // The content is never parsed.
    private const string Traditional = """
        -----BEGIN RSA PRIVATE KEY-----
        Proc-Type: 4,ENCRYPTED
        DEK-Info: AES-256-CBC,0BA9F4F5C2F2B6E3B0F1F3B7D1C5A9E0

        AAAAAAAAAAAAAAAAAAAAAA==
        -----END RSA PRIVATE KEY-----
        """;

    private readonly TemporaryDirectory _directory = new();
    private readonly TestCertificate _root = TestCertificate.Create("root", isAuthority: true);
    private readonly TestCertificate _middle;
    private readonly TestCertificate _leaf;

    public CertificateSourceTests()
    {
        _middle = TestCertificate.Create("middle", _root, isAuthority: true);
        _leaf = TestCertificate.Create("leaf", _middle);
    }

    public void Dispose()
    {
        _leaf.Dispose();
        _middle.Dispose();
        _root.Dispose();
        _directory.Dispose();
    }

    [Theory]
    [InlineData("PEM and key")]
    [InlineData("intermediate before the leaf")]
    [InlineData("key in the same file")]
    [InlineData("key before the certificate in the same file")]
    [InlineData("DER")]
    [InlineData("encrypted key")]
    [InlineData("password that nothing needs")]
    [InlineData("EC key of RFC 5915")]
    [InlineData("EC key behind its parameters")]
    [InlineData("PKCS #12")]
    [InlineData("PKCS #12 without a password")]
    public void AFormThatIsInUseIsRead(string form)
    {
        var source = form switch
        {
            "PEM and key" => Source(Write(_leaf.Pem + "\n" + _middle.Pem), Write(_leaf.KeyPem)),
            "intermediate before the leaf" => Source(Write(_middle.Pem + "\n" + _leaf.Pem), Write(_leaf.KeyPem)),
            "key in the same file" => Source(Write(_leaf.Pem + "\n" + _leaf.KeyPem)),
            "key before the certificate in the same file" => Source(Write(_leaf.KeyPem + "\n" + _leaf.Pem)),
            "DER" => Source(Write(_leaf.Der), Write(_leaf.KeyPem)),
            "encrypted key" => Source(Write(_leaf.Pem), Write(_leaf.EncryptedKeyPem(Password)), Password),
            "password that nothing needs" => Source(Write(_leaf.Pem), Write(_leaf.KeyPem), Password),
            "EC key of RFC 5915" => Source(Write(_leaf.Pem), Write(_leaf.TraditionalKeyPem)),
            "EC key behind its parameters" => Source(
                Write(_leaf.Pem),
                Write("-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n" + _leaf.TraditionalKeyPem)),
            "PKCS #12" => Source(Write(_leaf.Pkcs12(Password)), null, Password),
            _ => Source(Write(_leaf.Pkcs12(null))),
        };

        var context = source.Read();

        Assert.Equal("CN=leaf", context.TargetCertificate.Subject);
        Assert.True(context.TargetCertificate.HasPrivateKey);
        if (form is "PEM and key" or "intermediate before the leaf")
        {
            Assert.Contains(context.IntermediateCertificates, static certificate => certificate.Subject == "CN=middle");
        }
    }

    [Fact]
    public void AnRsaCertificateIsRead()
    {
        using var rsa = TestCertificate.CreateRsa("rsa");

        Assert.Equal("CN=rsa", Source(Write(rsa.Pem), Write(rsa.KeyPem)).Read().TargetCertificate.Subject);
        Assert.Equal("CN=rsa", Source(Write(rsa.Pem), Write(rsa.EncryptedKeyPem(Password)), Password).Read().TargetCertificate.Subject);
    }

    [Theory]
    [InlineData("missing", "Path", "the file does not exist")]
    [InlineData("missing key", "KeyPath", "the file does not exist")]
    [InlineData("directory", "Path", "is a directory")]
    [InlineData("key is a directory", "KeyPath", "is a directory")]
    [InlineData("empty", "Path", "is empty")]
    [InlineData("empty key", "KeyPath", "is empty")]
    [InlineData("huge", "Path", "longer than")]
    [InlineData("text", "Path", "allowed are PEM, DER and PKCS #12")]
    [InlineData("cut off", "Path", "no whole certificate")]
    [InlineData("damaged", "Path", "cannot be used")]
    [InlineData("no key anywhere", "KeyPath", "has no private key")]
    [InlineData("DER without a key", "KeyPath", "has no private key")]
    [InlineData("another certificate's key", "KeyPath", "belongs to no certificate")]
    [InlineData("a key of another algorithm", "KeyPath", "belongs to no certificate")]
    [InlineData("certificate for a key", "KeyPath", "no private key")]
    [InlineData("key cut off", "KeyPath", "damaged or incomplete")]
    [InlineData("DER key", "KeyPath", "PEM form")]
    [InlineData("encrypted key without a password", "Password", "needs a password")]
    [InlineData("encrypted key with a wrong password", "Password", "not decrypted")]
    [InlineData("traditional encryption", "KeyPath", "openssl pkcs8 -topk8")]
    [InlineData("Ed25519", "Path", "Ed25519; allowed are RSA and ECDSA")]
    [InlineData("PKCS #12 without its password", "Password", "needs a password")]
    [InlineData("PKCS #12 with a wrong password", "Password", "does not open")]
    [InlineData("PKCS #12 with a key's file", "KeyPath", "remove KeyPath")]
    [InlineData("for clients alone", "Path", "serverAuth")]
    public void AFaultIsNamedWithItsSettingAndFile(string fault, string key, string says)
    {
        using var other = TestCertificate.Create("other");
        using var rsa = TestCertificate.CreateRsa("rsa");
        using var client = TestCertificate.Create("client", usage: ClientAuthentication);
        var good = (Pem: Write(_leaf.Pem), Key: Write(_leaf.KeyPem));
        var source = fault switch
        {
            "missing" => Source(_directory.File("nowhere.pem"), good.Key),
            "missing key" => Source(good.Pem, _directory.File("nowhere.pem")),
            "directory" => Source(_directory.Path, good.Key),
            "key is a directory" => Source(good.Pem, _directory.Path),
            "empty" => Source(Write(""), good.Key),
            "empty key" => Source(good.Pem, Write("")),
            "huge" => Source(Write(new byte[(1 << 20) + 1]), good.Key),
            "text" => Source(Write("half a certif"), good.Key),
            "cut off" => Source(Write(_leaf.Pem[..200]), good.Key),
            "damaged" => Source(Write("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"), good.Key),
            "no key anywhere" => Source(good.Pem),
            "DER without a key" => Source(Write(_leaf.Der)),
            "another certificate's key" => Source(good.Pem, Write(other.KeyPem)),
            "a key of another algorithm" => Source(good.Pem, Write(rsa.KeyPem)),
            "certificate for a key" => Source(good.Pem, good.Pem),
            "key cut off" => Source(good.Pem, Write(_leaf.KeyPem[..80])),
            "DER key" => Source(good.Pem, Write(_leaf.Der)),
            "encrypted key without a password" => Source(good.Pem, Write(_leaf.EncryptedKeyPem(Password))),
            "encrypted key with a wrong password" => Source(good.Pem, Write(_leaf.EncryptedKeyPem(Password)), Password + "x"),
            "traditional encryption" => Source(good.Pem, Write(Traditional), Password),
            "Ed25519" => Source(Write(Ed25519)),
            "PKCS #12 without its password" => Source(Write(_leaf.Pkcs12(Password))),
            "PKCS #12 with a wrong password" => Source(Write(_leaf.Pkcs12(Password)), null, Password + "x"),
            "PKCS #12 with a key's file" => Source(Write(_leaf.Pkcs12(Password)), good.Key, Password),
            _ => Source(Write(client.Pem + "\n" + client.KeyPem)),
        };

        var error = Assert.Throws<SettingsException>(source.Read);

        Assert.StartsWith($"{Setting}:{key}", error.Message, StringComparison.Ordinal);
        Assert.Contains(says, error.Message, StringComparison.Ordinal);
        Assert.Contains(_directory.Path, error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain(Password, error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', error.Message);
    }

    private static CertificateSource Source(string path, string? key = null, string? password = null) => new(Setting, path, key, password);

    private string Write(string content) => Write(System.Text.Encoding.UTF8.GetBytes(content));

    private string Write(byte[] content)
    {
        var path = _directory.File($"{Guid.NewGuid():N}");
        File.WriteAllBytes(path, content);
        return path;
    }
}
