using System.Net.Security;
using System.Security.Cryptography.X509Certificates;
using Edge.Settings;
using Microsoft.AspNetCore.Server.Kestrel.Https;

namespace Edge.Listeners;

/// <summary>A TLS certificate from .NET's certificate store. It is loaded once, at the start.</summary>
internal static class StoredCertificate
{
    /// <returns>Null when the section names no certificate of a store.</returns>
    /// <exception cref="SettingsException">The store has no usable certificate with that subject.</exception>
    public static SslStreamCertificateContext? Find(IConfigurationSection section)
    {
        var settings = new SettingsReader(section);
        if (settings.Text("Subject") is not { } subject)
        {
            return null;
        }

        try
        {
            var certificate = CertificateLoader.LoadFromStoreCert(
                subject,
                settings.Text("Store") ?? nameof(StoreName.My),
                settings.Choice("Location", StoreLocation.CurrentUser),
                settings.Flag("AllowInvalid", false));
            return SslStreamCertificateContext.Create(certificate, additionalCertificates: null, offline: true);
        }
        catch (InvalidOperationException error)
        {
            throw new SettingsException($"{section.Path}:Subject", subject, error.Message);
        }
    }
}
