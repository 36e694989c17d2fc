namespace Load.Servers;

/// <summary>What a scenario needs a server to do.</summary>
internal enum ServerRole
{
    /// <summary>Relay DERP, plain; WebSocket too.</summary>
    Derp,

    /// <summary>Relay DERP under TLS.</summary>
    DerpTls,

    /// <summary>Relay DERP under TLS, two servers that are meshed.</summary>
    DerpMesh,

    /// <summary>Carry streams and requests to the backend.</summary>
    Streams,

    /// <summary>The same with TLS towards the client.</summary>
    StreamsTls,

    /// <summary>Carry streams to an API server of its own kind, which coordinates.</summary>
    Coordination,

    /// <summary>The same, and the API server has terminals of this machine.</summary>
    Terminals,
}
