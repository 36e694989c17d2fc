namespace Load.Servers;

/// <summary>
/// Starts the proxies that Edge is compared with. Their settings are the defaults but for what a fair run needs: long
/// time-outs, no request logs, enough connections.
/// </summary>
internal sealed class ProxyServers(Site site)
{
    public Server Start(string name, bool secure) => name switch
    {
        "haproxy" => StartHaproxy(secure, "", ""),
        "haproxy-64k" => StartHaproxy(secure, "  tune.bufsize 65536\n", ""),
        "haproxy-splice" => StartHaproxy(secure, "", "  option splice-request\n  option splice-response\n"),
        "nginx" => StartNginx(secure),
        "yarp" => StartYarp(secure),
        _ => throw new InvalidOperationException($"there is no server {name}; allowed: {string.Join(", ", ServerCatalog.Names)}"),
    };

    private Server StartYarp(bool secure)
    {
        var port = Server.FreePort();
        if (!secure)
        {
            return Server.Start(new ServerCommand(port, null, Site.Self("yarp", Site.Text(port), Site.Text(site.Backend))));
        }

        var directory = Site.Scratch();
        var (certificate, key) = site.WriteCertificate(directory);
        return Server.Start(
            new ServerCommand(port, directory, Site.Self("yarp", Site.Text(port), Site.Text(site.Backend), certificate, key)));
    }

    private Server StartHaproxy(bool secure, string tuning, string options)
    {
        var directory = Site.Scratch();
        var port = Server.FreePort();
        var file = Path.Combine(directory, "haproxy.cfg");
        var bind = $"127.0.0.1:{Site.Text(port)}";
        if (secure)
        {
            var (certificate, key) = site.WriteCertificate(directory);
            var both = Path.Combine(directory, "both.pem");
            File.WriteAllText(both, File.ReadAllText(certificate) + "\n" + File.ReadAllText(key));
            bind += $" ssl crt {both} alpn http/1.1";
        }

        File.WriteAllText(file, $"""
            global
              log stderr format raw local0 err
            {tuning}defaults
              mode http
              timeout connect 5s
              timeout client 1h
              timeout server 1h
              timeout tunnel 1h
            {options}frontend f
              bind {bind}
              default_backend b
            backend b
              server s {site.BackendAddress}

            """);
        return Server.Start(new ServerCommand(port, directory, [site.Find("haproxy")!, "-db", "-f", file]));
    }

    private Server StartNginx(bool secure)
    {
        var directory = Site.Scratch();
        var port = Server.FreePort();
        var file = Path.Combine(directory, "nginx.conf");
        var listen = $"listen 127.0.0.1:{Site.Text(port)};";
        if (secure)
        {
            var (certificate, key) = site.WriteCertificate(directory);
            listen = $"listen 127.0.0.1:{Site.Text(port)} ssl; ssl_protocols TLSv1.2 TLSv1.3; ssl_certificate {certificate}; "
                + $"ssl_certificate_key {key};";
        }

        // A stream is two connections of a worker.
        File.WriteAllText(file, $$"""
            daemon off;
            worker_processes auto;
            worker_rlimit_nofile 20000;
            pid {{directory}}/nginx.pid;
            error_log stderr error;
            events { worker_connections 18000; }
            http {
              access_log off; keepalive_requests 1000000000;
              client_body_temp_path {{directory}}/body; proxy_temp_path {{directory}}/proxy; fastcgi_temp_path {{directory}}/fastcgi;
              uwsgi_temp_path {{directory}}/uwsgi; scgi_temp_path {{directory}}/scgi;
              upstream b { server {{site.BackendAddress}}; keepalive 100; keepalive_requests 1000000000; }
              map $http_upgrade $connection_upgrade { default upgrade; '' ''; }
              server {
                {{listen}}
                location / {
                  proxy_pass http://b; proxy_http_version 1.1; proxy_read_timeout 1h;
                  proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection $connection_upgrade; proxy_set_header Host $host;
                }
              }
            }

            """);
        return Server.Start(new ServerCommand(port, directory, [site.Find("nginx")!, "-c", file, "-p", directory]));
    }
}
