using System.Security.Cryptography.X509Certificates;
using Load.Clients;
using Load.Results;
using Load.Servers;

namespace Load;

/// <summary>What all measurements of a run share: the backend, the certificate, and the servers that can be started.</summary>
internal sealed class Bench : IDisposable
{
    private readonly Backend _backend = new();
    private readonly X509Certificate2 _certificate = TestCertificate.Create();

    public Bench(IReadOnlyDictionary<string, string> paths) => Catalog = new ServerCatalog(new Site(paths, _backend.Port, _certificate));

    public ServerCatalog Catalog { get; }

    public async Task<(ResultFile Result, List<string> Failures)> RunAsync(Plan plan)
    {
        var (date, machine) = (DateTime.UtcNow, Machine.Here());
        var runner = new Runner(Catalog, _certificate, new Progress());
        return (new ResultFile(date, machine, await runner.RunAsync(plan)), runner.Failures);
    }

    public void Dispose()
    {
        _backend.Dispose();
        _certificate.Dispose();
    }
}
