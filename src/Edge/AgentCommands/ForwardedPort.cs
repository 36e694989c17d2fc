using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;

namespace Edge.AgentCommands;

/// <summary>A local port, and the agent's port that it stands for.</summary>
/// <param name="Local">The port on 127.0.0.1; 0 for any free one.</param>
/// <param name="Remote">The agent's port.</param>
internal sealed record ForwardedPort(ushort Local, ushort Remote)
{
    private const string Allowed =
        "allowed is LOCAL:REMOTE such as 8080:80, with LOCAL from 0 (any free port) to 65535, and REMOTE 1 (SSH) or 9 to 65535";

    /// <summary>The argument <c>ports</c>.</summary>
    public static Argument<ForwardedPort[]> Argument() => new("ports")
    {
        Description = "LOCAL:REMOTE, such as 8080:80; LOCAL 0 is any free port",
        Arity = ArgumentArity.OneOrMore,
        CustomParser = Parse,
    };

    private static ForwardedPort[] Parse(ArgumentResult result)
    {
        var ports = new List<ForwardedPort>();
        foreach (var text in result.Tokens.Select(static token => token.Value))
        {
            if (text.Split(':') is [var local, var remote]
                && TryParse(local, out var from)
                && TryParse(remote, out var to)
                && to is 1 or >= 9)
            {
                ports.Add(new ForwardedPort(from, to));
            }
            else
            {
                result.AddError($"<ports> = \"{text}\": {Allowed}");
                break;
            }
        }

        return [.. ports];
    }

    private static bool TryParse(string text, out ushort port) =>
        ushort.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out port);
}
