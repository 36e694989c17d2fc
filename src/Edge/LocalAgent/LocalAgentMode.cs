namespace Edge.LocalAgent;

/// <summary>Whether the API server gives shells, ports and containers of the machine it runs on (<c>ControlPlane:LocalAgent</c>).</summary>
internal enum LocalAgentMode
{
    /// <summary>Only when every public listener is on loopback.</summary>
    Auto,

    /// <summary>Yes.</summary>
    On,

    /// <summary>No.</summary>
    Off,
}
