namespace Tailnet.Yamux;

/// <summary>The side of a session, which decides on the ids of its streams.</summary>
public enum YamuxRole
{
    /// <summary>The side that opened the connection; its streams have odd ids.</summary>
    Dialer,

    /// <summary>The side that accepted the connection; its streams have even ids.</summary>
    Acceptor,
}
