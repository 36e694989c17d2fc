using Relay.Derp.Connections;

namespace Relay.Derp.Mesh;

/// <summary>A way to clients of another server of the mesh.</summary>
internal interface IDerpForwarder
{
    /// <summary>Where packets for it wait; null while the link is down.</summary>
    DerpOutbox? Outbox { get; }
}
