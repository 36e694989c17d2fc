using System.Collections.ObjectModel;
using System.Net.Security;
using System.Runtime.CompilerServices;
using System.Security.Cryptography.X509Certificates;

namespace Edge.Derp.Tls;

/// <summary>
/// Puts the <see cref="MetaCertificate"/> behind a served chain. .NET's public way to make a context drops whatever does not belong to the
/// certificate's own chain, so that its internal one is needed; a runtime without it serves the plain chain, and clients take a round
/// trip more.
/// </summary>
internal sealed partial class MetaChain(MetaCertificate meta, ILogger<MetaChain> logger)
{
    private readonly ConditionalWeakTable<SslStreamCertificateContext, Extended> _made = [];
    private volatile bool _isImpossible;

    /// <summary>The same chain with the meta-certificate at its end; the same object as long as neither changes.</summary>
    public SslStreamCertificateContext Extend(SslStreamCertificateContext chain)
    {
        if (_isImpossible)
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
            _isImpossible = true;
            LogImpossible(error.Message);
            return chain;
        }

        _made.AddOrUpdate(chain, made);
        return made.Context;
    }

    [UnsafeAccessor(UnsafeAccessorKind.Constructor)]
    private static extern SslStreamCertificateContext New(
        X509Certificate2 target, ReadOnlyCollection<X509Certificate2> intermediates, SslCertificateTrust? trust);

    [LoggerMessage(EventId = 1019, Level = LogLevel.Warning, Message = "This .NET cannot send the DERP meta-certificate; clients connect with a round trip more: {Why}")]
    private partial void LogImpossible(string why);

    private sealed record Extended(X509Certificate2 Meta, SslStreamCertificateContext Context);
}
