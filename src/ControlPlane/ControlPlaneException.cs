namespace ControlPlane;

/// <summary>The API server cannot start. The message is one line for the operator.</summary>
public sealed class ControlPlaneException : Exception
{
    /// <summary>Creates the exception with the operator's line.</summary>
    public ControlPlaneException(string message)
        : base(message)
    {
    }

    /// <summary>Creates the exception with the operator's line and its cause.</summary>
    public ControlPlaneException(string message, Exception innerException)
        : base(message, innerException)
    {
    }

    /// <summary>Creates the exception with the framework's default message.</summary>
    public ControlPlaneException()
    {
    }
}
