namespace Edge.Settings;

/// <summary>The parts of the program that a process runs (<c>Edge:Mode</c>).</summary>
internal enum EdgeMode
{
    /// <summary>Edge and relay, with the embedded API server unless <c>Edge:Backends</c> names others.</summary>
    All,

    /// <summary>Edge and relay in front of <c>Edge:Backends</c>.</summary>
    Edge,

    /// <summary>A regional DERP relay, which forwards nothing to API servers.</summary>
    Relay,

    /// <summary>The API server alone, on the public listeners.</summary>
    Api,
}
