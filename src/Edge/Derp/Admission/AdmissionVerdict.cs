namespace Edge.Derp.Admission;

/// <summary>The result of a question about a client. It is also the metric label.</summary>
internal enum AdmissionVerdict
{
    /// <summary>The client may use the relay.</summary>
    Admitted,

    /// <summary>The client may not use the relay. Its open connections are closed.</summary>
    Refused,

    /// <summary>No answer: a failed connection, a timeout, or an error status of the server.</summary>
    Unreachable,

    /// <summary>An answer that the relay does not understand.</summary>
    Unusable,

    /// <summary>No answer, and the client is admitted nevertheless (<c>Relay:Derp:AdmissionUrlFailOpen</c>).</summary>
    FailOpen,
}
