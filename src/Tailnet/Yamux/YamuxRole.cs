namespace Tailnet.Yamux;

/// <summary>Which half of the stream ids a session opens.</summary>
public enum YamuxRole
{
    /// <summary>Opened the connection; its streams have odd ids.</summary>
    Dialer,

    /// <summary>Accepted the connection; its streams have even ids.</summary>
    Acceptor,
}
