using System.Net;
using Edge.Settings;
using LocalAgent.Terminals;

namespace Edge.LocalAgent;

/// <summary>The settings of the local agent, for the API server that is its client and for the agent's own process.</summary>
internal sealed record LocalAgentSettings(LocalAgentMode Mode, TimeSpan IdleTimeout, TerminalOptions Terminals)
{
    private const string ModeName = "ControlPlane:LocalAgent";
    private const string IdleName = "ControlPlane:LocalAgent:IdleTimeout";

    public static LocalAgentSettings Read(SettingsReader settings) => new(
        settings.Choice(ModeName, LocalAgentMode.Auto),
        settings.Duration(IdleName, TimeSpan.FromMinutes(10), TimeSpan.Zero, TimeSpan.FromDays(365)),
        TerminalSettings.Read(settings));

    /// <summary>Whether the API server of this node has a local agent.</summary>
    /// <exception cref="SettingsException">The setting is <c>on</c> where an agent is not possible.</exception>
    public bool IsOn(EdgeOptions options, DataDirectory data, IEnumerable<IPEndPoint?> listeners)
    {
        var possible = options.EmbedsApiServer || options.Mode is EdgeMode.Api;
        if (Mode is LocalAgentMode.On && !possible)
        {
            throw new SettingsException(ModeName, "on", "this node has no API server of its own; allowed are auto and off");
        }

        if (Mode is LocalAgentMode.On && !OperatingSystem.IsLinux())
        {
            throw new SettingsException(ModeName, "on", "the local agent needs Linux; allowed are auto and off");
        }

        var isOn = possible && OperatingSystem.IsLinux() && Mode switch
        {
            LocalAgentMode.On => true,
            LocalAgentMode.Off => false,
            _ => listeners.All(static listener => listener is not null && IPAddress.IsLoopback(listener.Address)),
        };
        if (isOn)
        {
            data.CheckSocketPath(data.AgentSocket);
        }

        return isOn;
    }

    /// <summary>The same settings as arguments of the agent's command line.</summary>
    public IEnumerable<string> ToArguments() =>
        [FormattableString.Invariant($"--{IdleName}={(long)IdleTimeout.TotalMilliseconds}ms"), .. TerminalSettings.ToArguments(Terminals)];
}

/// <summary>Whether the API server gives shells, ports and containers of the machine it runs on (<c>ControlPlane:LocalAgent</c>).</summary>
internal enum LocalAgentMode
{
    /// <summary>Only when every public listener is on loopback.</summary>
    Auto,

    /// <summary>Yes.</summary>
    On,

    /// <summary>No.</summary>
    Off,
}
