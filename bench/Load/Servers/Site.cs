using System.Globalization;
using System.Security.Cryptography.X509Certificates;

namespace Load.Servers;

/// <summary>What servers are started with: their programs, the backend's port, and the certificate that they show.</summary>
internal sealed record Site(IReadOnlyDictionary<string, string> Paths, int Backend, X509Certificate2 Certificate)
{
    private const string Runtime = "dotnet";

    /// <summary>Edge's assembly: the one built with this tool, unless another is named.</summary>
    public string Edge => Paths.TryGetValue(ServerCatalog.Edge, out var path) ? path : Path.GetFullPath(Path.Combine(
        AppContext.BaseDirectory, "../../../../../src/Edge/bin", new DirectoryInfo(AppContext.BaseDirectory).Parent!.Name,
        "net10.0/Edge.dll"));

    /// <summary>The host and port of the backend, as servers want it.</summary>
    public string BackendAddress => $"127.0.0.1:{Text(Backend)}";

    public static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);

    /// <summary>A directory for one server's files; it is deleted with the server.</summary>
    public static string Scratch() => Directory.CreateTempSubdirectory("edge-load-").FullName;

    /// <summary>A command line that runs this tool.</summary>
    public static string[] Self(params string[] args) => [Runtime, Path.Combine(AppContext.BaseDirectory, "Load.dll"), .. args];

    /// <summary>A command line that runs an Edge.</summary>
    public static string[] Managed(string assembly, params IEnumerable<string> args) => [Runtime, assembly, .. args];

    /// <summary>A program by the path that was named, or as installed; null when it is not there.</summary>
    public string? Find(string name)
    {
        if (Paths.TryGetValue(name, out var path))
        {
            return File.Exists(path) ? path : null;
        }

        return (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':').Concat(["/usr/sbin", "/usr/local/bin"])
            .Select(directory => Path.Combine(directory, name)).FirstOrDefault(File.Exists);
    }

    /// <summary>Writes the certificate and its key; returns the two files.</summary>
    public (string Certificate, string Key) WriteCertificate(string directory, string name = "tls")
    {
        TestCertificate.Write(Certificate, directory, name);
        return (Path.Combine(directory, name + ".crt"), Path.Combine(directory, name + ".key"));
    }
}
