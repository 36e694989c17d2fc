namespace Relay.Derp.Client;

/// <summary>Why a client's connection to a relay ended. A closed set: it is also the metric label and the log field.</summary>
public enum DerpClientCloseReason
{
    /// <summary>The caller has cancelled.</summary>
    Stopped = 0,

    /// <summary>The relay ended the connection.</summary>
    RelayClosed,

    /// <summary>The connection failed with an error.</summary>
    Aborted,

    /// <summary>The login took longer than <see cref="DerpClientOptions.LoginTimeout"/>.</summary>
    LoginTimeout,

    /// <summary>The relay ended the connection before ServerInfo, which is how it refuses a client (derp.md §1.8).</summary>
    Refused,

    /// <summary>The relay's first two frames were not a valid ServerKey and ServerInfo.</summary>
    BadLogin,

    /// <summary>The relay's key is not <see cref="DerpClientOptions.ServerKey"/>.</summary>
    WrongServer,

    /// <summary>A frame was longer than its type allows.</summary>
    ProtocolError,

    /// <summary>The relay read nothing for <see cref="DerpClientOptions.WriteTimeout"/>.</summary>
    WriteTimeout,

    /// <summary>The relay sent nothing for <see cref="DerpClientOptions.SilenceTimeout"/>, and answered no ping.</summary>
    Silent,

    /// <summary>The relay has the client's own key: the connection leads from a relay to itself.</summary>
    Self,
}

/// <summary>The labels of <see cref="DerpClientCloseReason"/> in metrics and logs.</summary>
public static class DerpClientCloseReasons
{
    internal const int Count = (int)DerpClientCloseReason.Self + 1;

    /// <summary>The reason as a metric label.</summary>
    /// <param name="reason">A reason.</param>
    public static string Label(this DerpClientCloseReason reason) => reason switch
    {
        DerpClientCloseReason.Stopped => "stopped",
        DerpClientCloseReason.RelayClosed => "relay_closed",
        DerpClientCloseReason.Aborted => "aborted",
        DerpClientCloseReason.LoginTimeout => "login_timeout",
        DerpClientCloseReason.Refused => "refused",
        DerpClientCloseReason.BadLogin => "bad_login",
        DerpClientCloseReason.WrongServer => "wrong_server",
        DerpClientCloseReason.ProtocolError => "protocol_error",
        DerpClientCloseReason.WriteTimeout => "write_timeout",
        DerpClientCloseReason.Silent => "silent",
        DerpClientCloseReason.Self => "self",
        _ => throw new ArgumentOutOfRangeException(nameof(reason), reason, "not a reason"),
    };
}
