namespace Load.Servers;

/// <summary>The servers that can be named: which there are, what each can do, and how it is started.</summary>
internal sealed class ServerCatalog(Site site)
{
    public const string Edge = "edge";

    /// <summary>All that can be named, Edge first.</summary>
    public static readonly IReadOnlyList<string> Names =
        [Edge, "base", "floor", "derplimit", "derper", "haproxy", "haproxy-64k", "haproxy-splice", "nginx", "yarp"];

    private readonly EdgeServers _edge = new(site);
    private readonly DerperServers _derper = new(site);
    private readonly ProxyServers _proxies = new(site);

    /// <summary>Whether a server of this name takes this role at all.</summary>
    public static bool Takes(string name, ServerRole role) => name switch
    {
        Edge or "base" => true,
        "floor" => role is ServerRole.Derp or ServerRole.DerpTls or ServerRole.Streams,
        "derplimit" => role is ServerRole.Derp or ServerRole.DerpTls,
        "derper" => role is ServerRole.Derp or ServerRole.DerpTls or ServerRole.DerpMesh,
        _ => role is ServerRole.Streams or ServerRole.StreamsTls,
    };

    /// <summary>
    /// Whether a server speaks plain DERP only. Where other servers use TLS or WebSocket, it is the plain floor beside them.
    /// </summary>
    public static bool IsBare(string name) => name is "floor" or "derplimit";

    /// <summary>Why it cannot be started here, or null.</summary>
    public string? Missing(string name) => name switch
    {
        Edge => File.Exists(site.Edge) ? null : $"{site.Edge} is not built; name another with --path edge=/…/Edge.dll",
        "base" => site.Paths.TryGetValue(name, out var path) && File.Exists(path)
            ? null
            : "base is another build of Edge; name it with --path base=/…/Edge.dll",
        "floor" or "yarp" => null,
        _ => site.Find(Program(name)) is null
            ? $"{Program(name)} is not installed; name it with --path {Program(name)}=/…/{Program(name)}"
            : null,
    };

    /// <exception cref="InvalidOperationException">It does not start.</exception>
    public Server Start(string name, ServerRole role) => name switch
    {
        Edge => _edge.Start(site.Edge, role),
        "base" => _edge.Start(site.Paths[name], role),
        "floor" when role is ServerRole.Streams => StartOnPort(port => Site.Self("floor", Site.Text(port), Site.Text(site.Backend))),
        "floor" => StartOnPort(static port => Site.Self("floor", Site.Text(port))),
        "derplimit" => StartOnPort(port => [site.Find(name)!, Site.Text(port)]),
        "derper" => _derper.Start(role),
        _ => _proxies.Start(name, secure: role is ServerRole.StreamsTls),
    };

    private static string Program(string name) => name.Split('-')[0];

    private static Server StartOnPort(Func<int, string[]> command)
    {
        var port = Server.FreePort();
        return Server.Start(new ServerCommand(port, null, command(port)));
    }
}
