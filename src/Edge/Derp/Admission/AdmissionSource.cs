namespace Edge.Derp.Admission;

/// <summary>A source that decides whether a client may use the relay (<c>Relay:Derp:Admission</c>). It is also the metric label.</summary>
internal enum AdmissionSource
{
    /// <summary>No source: every client that can connect is admitted.</summary>
    Open,

    /// <summary>A list of keys in a file.</summary>
    File,

    /// <summary>An HTTP server, like derper's <c>-verify-client-url</c>.</summary>
    Url,

    /// <summary>The machine's tailscaled, like derper's <c>-verify-clients</c>.</summary>
    Tailscaled,

    /// <summary>The issuer of the token in the client's HTTP request.</summary>
    Jwt,
}
