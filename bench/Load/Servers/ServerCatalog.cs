using System.Globalization;
using System.Security.Cryptography.X509Certificates;

namespace Load.Servers;

/// <summary>What a scenario needs a server to do.</summary>
internal enum ServerRole
{
    /// <summary>Relay DERP, plain; WebSocket too.</summary>
    Derp,

    /// <summary>Relay DERP under TLS.</summary>
    DerpTls,

    /// <summary>Carry streams and requests to the backend.</summary>
    Streams,
}

/// <summary>Starts servers by name, each with the settings under which it is compared. Logs of requests are off in all of them.</summary>
internal sealed class ServerCatalog(IReadOnlyDictionary<string, string> paths, int backend, X509Certificate2 certificate)
{
    public const string Edge = "edge";

    /// <summary>All that can be named, Edge first.</summary>
    public static readonly IReadOnlyList<string> Names = [Edge, "floor", "derplimit", "derper", "haproxy", "nginx", "yarp"];

    /// <summary>Whether a server of this name takes this role at all.</summary>
    public static bool Takes(string name, ServerRole role) => name switch
    {
        Edge => true,
        "floor" => role is ServerRole.Derp or ServerRole.Streams,
        "derplimit" => role is ServerRole.Derp or ServerRole.DerpTls,
        "derper" => role is ServerRole.Derp or ServerRole.DerpTls,
        _ => role is ServerRole.Streams,
    };

    /// <summary>Whether it serves a role under TLS. The floor of DERP knows none: there what TLS adds is held against it.</summary>
    public static bool IsTls(string name, ServerRole role) => role is ServerRole.DerpTls && name is not "derplimit";

    /// <summary>Why it cannot be started here, or null.</summary>
    public string? Missing(string name) => name switch
    {
        Edge => File.Exists(Program(name)) ? null : $"{Program(name)} is not built; name another with --path edge=/…/Edge.dll",
        "floor" or "yarp" => null,
        _ => FindProgram(name) is null ? $"{name} is not installed; name it with --path {name}=/…/{name}" : null,
    };

    /// <exception cref="InvalidOperationException">It does not start.</exception>
    public Server Start(string name, ServerRole role) => name switch
    {
        Edge => StartEdge(role),
        "haproxy" => StartHaproxy(),
        "nginx" => StartNginx(),
        "derper" => StartDerper(role),
        _ => StartOnPort(name, role),
    };

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);

    private static string Scratch() => Directory.CreateTempSubdirectory("edge-load-").FullName;

    private Server StartOnPort(string name, ServerRole role)
    {
        var port = Server.FreePort();
        var own = Path.Combine(AppContext.BaseDirectory, "Load.dll");
        return name switch
        {
            "floor" when role is ServerRole.Streams => Server.Start(port, null, "dotnet", own, "floor", Text(port), Text(backend)),
            "floor" => Server.Start(port, null, "dotnet", own, "floor", Text(port)),
            "yarp" => Server.Start(port, null, "dotnet", own, "yarp", Text(port), Text(backend)),
            "derplimit" => Server.Start(port, null, FindProgram(name)!, Text(port)),
            _ => throw new InvalidOperationException($"there is no server {name}; allowed: {string.Join(", ", Names)}"),
        };
    }

    private Server StartEdge(ServerRole role)
    {
        var directory = Scratch();
        List<string> settings =
        [
            "--Edge:Admin:Url=http://127.0.0.1:0", $"--Edge:DataDirectory={Path.Combine(directory, "data")}", "--Edge:Limits:MaxConnections=0",
            "--Edge:Limits:MaxConnectionsPerAddress=0", "--Edge:RateLimit:PerMinute=0",
        ];
        if (role is ServerRole.DerpTls)
        {
            TestCertificate.Write(certificate, directory, "tls");
            settings.AddRange(
            [
                "--Kestrel:Endpoints:Tls:Url=https://127.0.0.1:0", $"--Kestrel:Endpoints:Tls:Certificate:Path={Path.Combine(directory, "tls.crt")}",
                $"--Kestrel:Endpoints:Tls:Certificate:KeyPath={Path.Combine(directory, "tls.key")}",
            ]);
        }
        else
        {
            settings.Add("--urls=http://127.0.0.1:0");
        }

        settings.AddRange(role is ServerRole.Streams
            ? ["--Edge:Mode=edge", $"--Edge:Backends=http://127.0.0.1:{Text(backend)}"]
            : ["--Edge:Mode=relay", "--Relay:Derp:Admission=open", "--Relay:Stun:Enabled=false"]);
        return Server.Start(0, directory, ["dotnet", Program(Edge), .. settings]);
    }

    private Server StartDerper(ServerRole role)
    {
        var directory = Scratch();
        var port = Server.FreePort();
        TestCertificate.Write(certificate, directory, "127.0.0.1");
        string[] tls = role is ServerRole.DerpTls ? ["-certmode=manual", $"-certdir={directory}", "-hostname=127.0.0.1"] : [];
        return Server.Start(
            port, directory, [FindProgram("derper")!, $"-a=127.0.0.1:{Text(port)}", $"-c={Path.Combine(directory, "derper.key")}", "-http-port=-1", "-stun=false", .. tls]);
    }

    private Server StartHaproxy()
    {
        var directory = Scratch();
        var port = Server.FreePort();
        var file = Path.Combine(directory, "haproxy.cfg");
        File.WriteAllText(file, $"""
            defaults
              mode http
              timeout connect 5s
              timeout client 1h
              timeout server 1h
              timeout tunnel 1h
            frontend f
              bind 127.0.0.1:{Text(port)}
              default_backend b
            backend b
              server s 127.0.0.1:{Text(backend)}

            """);
        return Server.Start(port, directory, FindProgram("haproxy")!, "-db", "-f", file);
    }

    private Server StartNginx()
    {
        var directory = Scratch();
        var port = Server.FreePort();
        var file = Path.Combine(directory, "nginx.conf");
        File.WriteAllText(file, $$"""
            daemon off;
            worker_processes auto;
            pid {{directory}}/nginx.pid;
            error_log stderr error;
            events { worker_connections 8192; }
            http {
              access_log off;
              client_body_temp_path {{directory}}/body; proxy_temp_path {{directory}}/proxy; fastcgi_temp_path {{directory}}/fastcgi;
              uwsgi_temp_path {{directory}}/uwsgi; scgi_temp_path {{directory}}/scgi;
              upstream b { server 127.0.0.1:{{Text(backend)}}; keepalive 100; }
              map $http_upgrade $connection_upgrade { default upgrade; '' ''; }
              server {
                listen 127.0.0.1:{{Text(port)}};
                location / {
                  proxy_pass http://b; proxy_http_version 1.1; proxy_read_timeout 1h;
                  proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection $connection_upgrade; proxy_set_header Host $host;
                }
              }
            }

            """);
        return Server.Start(port, directory, FindProgram("nginx")!, "-c", file, "-p", directory);
    }

    /// <summary>Edge's assembly: the one built with this tool, unless another is named.</summary>
    private string Program(string name) => paths.TryGetValue(name, out var path) ? path : Path.GetFullPath(Path.Combine(
        AppContext.BaseDirectory, "../../../../../src/Edge/bin", new DirectoryInfo(AppContext.BaseDirectory).Parent!.Name, "net10.0/Edge.dll"));

    private string? FindProgram(string name)
    {
        if (paths.TryGetValue(name, out var path))
        {
            return File.Exists(path) ? path : null;
        }

        return (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':').Concat(["/usr/sbin", "/usr/local/bin"])
            .Select(directory => Path.Combine(directory, name)).FirstOrDefault(File.Exists);
    }
}
