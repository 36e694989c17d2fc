namespace ControlPlane;

/// <summary>The API server cannot start; the message is one line for the operator.</summary>
public sealed class ControlPlaneException : Exception
{
    /// <summary>Makes the exception with its one line.</summary>
    public ControlPlaneException(string message)
        : base(message)
    {
    }

    /// <summary>Makes the exception with its one line and what caused it.</summary>
    public ControlPlaneException(string message, Exception innerException)
        : base(message, innerException)
    {
    }

    /// <summary>Makes the exception without a message of its own.</summary>
    public ControlPlaneException()
    {
    }
}
