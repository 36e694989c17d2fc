namespace Load.Servers;

/// <summary>Starts Edge in each role. Limits are off, as everywhere in this tool, and request logs are by default.</summary>
internal sealed class EdgeServers(Site site)
{
    public Server Start(string assembly, ServerRole role) => role switch
    {
        ServerRole.DerpMesh => StartMesh(assembly),
        ServerRole.Coordination => StartBefore(assembly, StartApi(assembly, "--ControlPlane:LocalAgent=off")),
        ServerRole.Terminals => StartBefore(assembly, StartTerminals(assembly)),
        ServerRole.Streams or ServerRole.StreamsTls => StartNode(
            assembly, Site.Scratch(), role is ServerRole.StreamsTls, 0, [], "--Edge:Mode=edge",
            $"--Edge:Backends=http://{site.BackendAddress}"),
        _ => StartNode(assembly, Site.Scratch(), role is ServerRole.DerpTls, 0, [], Relay),
    };

    private static readonly string[] Relay = ["--Edge:Mode=relay", "--Relay:Derp:Admission=open", "--Relay:Stun:Enabled=false"];

    private static Server StartBefore(string assembly, Server api)
    {
        try
        {
            return StartNode(
                assembly, Site.Scratch(), [api], "--urls=http://127.0.0.1:0", "--Edge:Mode=edge", $"--Edge:Backends=http://{api.Address}");
        }
        catch
        {
            api.Dispose();
            throw;
        }
    }

    private static Server StartApi(string assembly, params string[] settings) =>
        StartNode(assembly, Site.Scratch(), [], ["--urls=http://127.0.0.1:0", "--Edge:Mode=api", .. settings]);

    // The agent's process is started here, not by the API server, so that it is accounted for and ended like the others.
    private static Server StartTerminals(string assembly)
    {
        var api = StartApi(
            assembly, "--ControlPlane:LocalAgent=on", "--ControlPlane:Terminals:MaxSessions=1000",
            "--ControlPlane:Terminals:DetachedTimeout=1s");
        try
        {
            api.Others.Add(Server.Start(new ServerCommand(0, null, Site.Managed(
                assembly, "agent", $"--Edge:DataDirectory={api.DataDirectory}", "--ControlPlane:Terminals:MaxSessions=1000",
                "--ControlPlane:Terminals:DetachedTimeout=1s"))));
            return api;
        }
        catch
        {
            api.Dispose();
            throw;
        }
    }

    private static Server StartNode(string assembly, string directory, IEnumerable<Server> others, params IEnumerable<string> settings)
    {
        var data = Path.Combine(directory, "data");
        var server = Server.Start(new ServerCommand(0, directory, Site.Managed(
            assembly,
            [
                "--Edge:Admin:Url=http://127.0.0.1:0", $"--Edge:DataDirectory={data}", "--Edge:Limits:MaxConnections=0",
                "--Edge:Limits:MaxConnectionsPerAddress=0", "--Edge:RateLimit:PerMinute=0", .. settings,
            ]))
        { Environment = Trusting(directory) });
        server.DataDirectory = data;
        server.Others.AddRange(others);
        return server;
    }

    private Server StartNode(
        string assembly, string directory, bool secure, int port, IEnumerable<Server> others, params IEnumerable<string> settings)
    {
        if (!secure)
        {
            return StartNode(assembly, directory, others, ["--urls=http://127.0.0.1:0", .. settings]);
        }

        var (certificate, key) = site.WriteCertificate(directory);
        return StartNode(
            assembly, directory, others,
            [
                $"--Kestrel:Endpoints:Tls:Url=https://127.0.0.1:{Site.Text(port)}",
                $"--Kestrel:Endpoints:Tls:Certificate:Path={certificate}", $"--Kestrel:Endpoints:Tls:Certificate:KeyPath={key}",
                .. settings,
            ]);
    }

    private Server StartMesh(string assembly)
    {
        int[] ports = [Server.FreePort(), Server.FreePort()];
        Server Start(int mine, int other, params Server[] others)
        {
            var directory = Site.Scratch();
            var secret = Path.Combine(directory, "mesh.key");
            File.WriteAllText(secret, MeshSecret);
            return StartNode(
                assembly, directory, secure: true, mine, others,
                [.. Relay, $"--Relay:Derp:MeshKeyFile={secret}", $"--Relay:Derp:MeshWith:0=https://127.0.0.1:{Site.Text(other)}"]);
        }

        var second = Start(ports[1], ports[0]);
        try
        {
            return Start(ports[0], ports[1], second);
        }
        catch
        {
            second.Dispose();
            throw;
        }
    }

    /// <summary>What both servers of a mesh know, in derper's form.</summary>
    internal static readonly string MeshSecret = new('7', 64);

    /// <summary>Mesh links are checked against the system's authorities: these variables name others, to OpenSSL and to Go.</summary>
    internal static Dictionary<string, string> Trusting(string directory) =>
        File.Exists(Path.Combine(directory, "tls.crt")) ? new() { ["SSL_CERT_FILE"] = Path.Combine(directory, "tls.crt") } : [];
}
