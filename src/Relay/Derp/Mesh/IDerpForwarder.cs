using Relay.Derp.Connections;

namespace Relay.Derp.Mesh;

/// <summary>A link that forwards packets to clients of another server of the mesh.</summary>
internal interface IDerpForwarder
{
    /// <summary>The outbox of the link; null while the link is down.</summary>
    DerpOutbox? Outbox { get; }
}
