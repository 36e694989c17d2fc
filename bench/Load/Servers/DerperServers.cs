namespace Load.Servers;

/// <summary>Starts Tailscale's relay, one or a mesh of two.</summary>
internal sealed class DerperServers(Site site)
{
    public Server Start(ServerRole role) => role switch
    {
        ServerRole.DerpMesh => StartMesh(),
        _ => Start(Server.FreePort(), secure: role is ServerRole.DerpTls, []),
    };

    private Server StartMesh()
    {
        int[] ports = [Server.FreePort(), Server.FreePort()];
        var second = Start(ports[1], secure: true, [], ports[0]);
        try
        {
            return Start(ports[0], secure: true, [second], ports[1]);
        }
        catch
        {
            second.Dispose();
            throw;
        }
    }

    private Server Start(int port, bool secure, Server[] others, int? meshWith = null)
    {
        var directory = Site.Scratch();
        List<string> command =
        [
            site.Find("derper")!, $"-a=127.0.0.1:{Site.Text(port)}", $"-c={Path.Combine(directory, "derper.key")}", "-http-port=-1",
            "-stun=false",
        ];
        if (secure)
        {
            site.WriteCertificate(directory, "127.0.0.1");
            command.AddRange(["-certmode=manual", $"-certdir={directory}", "-hostname=127.0.0.1"]);
        }

        if (meshWith is { } other)
        {
            site.WriteCertificate(directory); // For its link: see Trusting.
            var secret = Path.Combine(directory, "mesh.key");
            File.WriteAllText(secret, EdgeServers.MeshSecret);
            command.AddRange([$"-mesh-psk-file={secret}", $"-mesh-with=127.0.0.1:{Site.Text(other)}"]);
        }

        var server = Server.Start(new ServerCommand(port, directory, [.. command]) { Environment = EdgeServers.Trusting(directory) });
        server.Others.AddRange(others);
        return server;
    }
}
