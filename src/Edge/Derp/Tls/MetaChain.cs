using System.Collections.ObjectModel;
using System.Net.Security;
using System.Runtime.CompilerServices;
using System.Security.Cryptography.X509Certificates;

namespace Edge.Derp.Tls;

/// <summary>
/// Appends the <see cref="MetaCertificate"/> to a certificate chain. .NET's public <c>Create</c> of a context removes
/// certificates that are not part of the chain, so this uses the internal constructor. On a runtime without that constructor
/// the plain chain is sent, and clients need one more round trip.
/// </summary>
internal sealed partial class MetaChain(MetaCertificate meta, ILogger<MetaChain> logger)
{
    private readonly ConditionalWeakTable<SslStreamCertificateContext, Extended> _made = [];
    private volatile bool _isUnsupported;

    /// <summary>The chain with the meta-certificate at its end. The result is cached until one of both changes.</summary>
    public SslStreamCertificateContext Extend(SslStreamCertificateContext chain)
    {
        if (_isUnsupported)
        {
            return chain;
        }

        var current = meta.Current;
        if (_made.TryGetValue(chain, out var made) && ReferenceEquals(made.Meta, current))
        {
            return made.Context;
        }

        try
        {
            made = new Extended(current, New(chain.TargetCertificate, new([.. chain.IntermediateCertificates, current]), null));
        }
        catch (MissingMethodException error)
        {
            _isUnsupported = true;
            LogUnsupported(error.Message);
            return chain;
        }

        _made.AddOrUpdate(chain, made);
        return made.Context;
    }

    [UnsafeAccessor(UnsafeAccessorKind.Constructor)]
    private static extern SslStreamCertificateContext New(
        X509Certificate2 target, ReadOnlyCollection<X509Certificate2> intermediates, SslCertificateTrust? trust);

    [LoggerMessage(
        EventId = 1019, Level = LogLevel.Warning,
        Message = "This .NET version cannot send the DERP meta-certificate; clients need one more round trip: {Why}")]
    private partial void LogUnsupported(string why);

    private sealed record Extended(X509Certificate2 Meta, SslStreamCertificateContext Context);
}
