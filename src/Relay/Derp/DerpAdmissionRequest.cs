using System.Net;
using Relay.Derp.Wire;

namespace Relay.Derp;

/// <summary>A client that has proved to own its key and asks to be let in.</summary>
/// <param name="Key">Its key.</param>
/// <param name="Source">Its address, or null when it is not known.</param>
public sealed record DerpAdmissionRequest(NodeKey Key, IPAddress? Source);
