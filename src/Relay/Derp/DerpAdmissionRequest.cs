using System.Net;
using Relay.Derp.Wire;

namespace Relay.Derp;

/// <summary>A client that has proved the ownership of its key and requests admission.</summary>
/// <param name="Key">The client's key.</param>
/// <param name="Source">The client's address, or null if unknown.</param>
public sealed record DerpAdmissionRequest(NodeKey Key, IPAddress? Source);
