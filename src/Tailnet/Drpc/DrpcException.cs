namespace Tailnet.Drpc;

/// <summary>A failure of an rpc, with the code and text that the other side has sent, or that this side sends.</summary>
public sealed class DrpcException : Exception
{
    /// <summary>The code for an rpc that the server does not offer.</summary>
    public const ulong UnimplementedCode = 12;

    /// <summary>Ends an rpc with a code and a text.</summary>
    /// <param name="code">The code; 0 for an unspecified failure.</param>
    /// <param name="message">The text, which the other side sees.</param>
    public DrpcException(ulong code, string message)
        : base(message) => Code = code;

    /// <summary>The code of the error packet.</summary>
    public ulong Code { get; }

    /// <summary>Creates the failure of an rpc that is known but not offered.</summary>
    public static DrpcException Unimplemented() => new(UnimplementedCode, "Unimplemented");
}
