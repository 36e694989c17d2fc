using System.Globalization;
using Microsoft.AspNetCore.Http;

namespace ControlPlane.Dialing;

/// <summary>
/// The TCP port of an agent in the query. The agent itself serves ports below 9 on the tailnet. Of these, clients may use SSH and the speed
/// test: terminals and the agent's HTTP API have routes of their own.
/// </summary>
internal static class AgentPort
{
    public const string Parameter = "port";
    public const string Allowed = "Must be 1 (SSH), 3 (speed test), or a number from 9 to 65535.";

    private const ushort Ssh = 1;
    private const ushort SpeedTest = 3;
    private const ushort LowestOfMachine = 9;

    public static bool TryRead(IQueryCollection query, out ushort port)
    {
        port = 0;
        return query[Parameter] is [{ } text]
            && ushort.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out port)
            && port is Ssh or SpeedTest or >= LowestOfMachine;
    }
}
