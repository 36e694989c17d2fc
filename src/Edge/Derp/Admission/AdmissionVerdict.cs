namespace Edge.Derp.Admission;

/// <summary>What came of asking about a client; a closed set, which is also the metric label.</summary>
internal enum AdmissionVerdict
{
    /// <summary>It may use the relay.</summary>
    Admitted,

    /// <summary>A clear no. Connections that the client already has are closed for it.</summary>
    Refused,

    /// <summary>No answer: no connection, none in time, or the server says that it is in trouble.</summary>
    Unreachable,

    /// <summary>An answer that is neither yes nor no.</summary>
    Unusable,

    /// <summary>No answer, and the client is let in for it (<c>Relay:Derp:AdmissionUrlFailOpen</c>).</summary>
    FailOpen,
}
