using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using ControlPlane.InstanceIdentity;
using Edge.Settings;

namespace Edge.Api;

/// <summary><c>ControlPlane:InstanceIdentity</c>: how the embedded API server verifies the identity of cloud instances.</summary>
internal static class InstanceIdentitySettings
{
    private const string Section = "ControlPlane:InstanceIdentity";

    public static InstanceIdentityOptions Read(SettingsReader settings, string workingDirectory)
    {
        var defaults = new InstanceIdentityOptions();
        var names = settings.List($"{Section}:Azure:CommonNames");
        return new InstanceIdentityOptions
        {
            AwsCertificates = Certificates(settings, $"{Section}:Aws:CertificatesFile", workingDirectory, needsRoot: false),
            AzureCertificates = Certificates(settings, $"{Section}:Azure:CertificatesFile", workingDirectory, needsRoot: true),
            AzureCommonNames = names.Count > 0 ? names : defaults.AzureCommonNames,
            GoogleKeys = Keys(settings, $"{Section}:Google:Keys", workingDirectory),
            GoogleAudience = settings.Text($"{Section}:Google:Audience") ?? defaults.GoogleAudience,
            GoogleIssuer = settings.Text($"{Section}:Google:Issuer") ?? defaults.GoogleIssuer,
        };
    }

    private static X509Certificate2[] Certificates(SettingsReader settings, string name, string workingDirectory, bool needsRoot)
    {
        if (settings.Text(name) is not { } file)
        {
            return [];
        }

        var certificates = new X509Certificate2Collection();
        try
        {
            certificates.ImportFromPemFile(Path.GetFullPath(file, workingDirectory));
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException or CryptographicException)
        {
            throw new SettingsException(name, file, $"allowed is a file of certificates in PEM: {exception.Message}");
        }

        if (certificates.Count == 0)
        {
            throw new SettingsException(name, file, "the file has no certificate; allowed is a file of certificates in PEM");
        }

        return needsRoot && !certificates.Any(IsSelfSigned)
            ? throw new SettingsException(name, file, "no certificate in the file is self-signed, so no chain can end there")
            : [.. certificates];
    }

    private static bool IsSelfSigned(X509Certificate2 certificate) =>
        certificate.SubjectName.RawData.AsSpan().SequenceEqual(certificate.IssuerName.RawData);

    private static Uri? Keys(SettingsReader settings, string name, string workingDirectory)
    {
        if (settings.Text(name) is not { } text)
        {
            return null;
        }

        if (!text.Contains("://", StringComparison.Ordinal))
        {
            var path = Path.GetFullPath(text, workingDirectory);
            return File.Exists(path) ? new Uri(path) : throw new SettingsException(
                name, text, "the file does not exist; allowed is a file or an https URL");
        }

        return Uri.TryCreate(text, UriKind.Absolute, out var url) && url.UserInfo.Length == 0
            && (url.Scheme == Uri.UriSchemeHttps || (url.Scheme == Uri.UriSchemeHttp && url.IsLoopback))
                ? url
                : throw new SettingsException(name, text, "allowed is a file, an https URL, or an http one on a loopback address");
    }
}
