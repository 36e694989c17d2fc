namespace Tailnet.Drpc;

/// <summary>An rpc failed: with the code and text the other side sent, or that this side shall send.</summary>
public sealed class DrpcException : Exception
{
    /// <summary>The code that clients take for "the server does not offer this".</summary>
    public const ulong UnimplementedCode = 12;

    /// <summary>An rpc that ends with <paramref name="code"/> and <paramref name="message"/>, which the other side sees.</summary>
    /// <param name="code">0 when there is no better one.</param>
    /// <param name="message">Seen by the other side.</param>
    public DrpcException(ulong code, string message)
        : base(message) => Code = code;

    /// <summary>The code of the error packet.</summary>
    public ulong Code { get; }

    /// <summary>The rpc is known and not offered here.</summary>
    public static DrpcException Unimplemented() => new(UnimplementedCode, "Unimplemented");
}
