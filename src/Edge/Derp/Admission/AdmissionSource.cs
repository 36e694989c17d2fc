namespace Edge.Derp.Admission;

/// <summary>Who says whether a client may use the relay (<c>Relay:Derp:Admission</c>); a closed set, which is also the metric label.</summary>
internal enum AdmissionSource
{
    /// <summary>Nobody: whoever can connect may.</summary>
    Open,

    /// <summary>A list of keys in a file.</summary>
    File,

    /// <summary>A server that is asked over HTTP, as derper's <c>-verify-client-url</c>.</summary>
    Url,

    /// <summary>The machine's tailscaled, as derper's <c>-verify-clients</c>.</summary>
    Tailscaled,

    /// <summary>The issuer of a token that comes with the HTTP request.</summary>
    Jwt,
}
