using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Invocation;

namespace Edge.Program;

/// <summary>The generated help, followed by what applies to all commands.</summary>
/// <param name="admin">The command <c>admin</c>, with exit codes of its own.</param>
/// <param name="agentCommands">The commands on agents, with exit codes of their own.</param>
internal sealed class HelpText(Command admin, Command[] agentCommands) : SynchronousCommandLineAction
{
    private const string Settings = """
        Settings:
          They come from appsettings.json beside the program, the environment (Edge__Mode=edge) and the command line
          (--Edge:Mode=edge --urls http://0.0.0.0:8080). docs/operations.md lists them all.

        """;

    private const string ExitCodes = """
        Exit codes:
          0 done, 1 refused, 2 wrong usage, 3 the admin listener does not answer

        Commands that delete ask for confirmation, unless --yes is given. The node's settings name its admin listener and token.

        """;

    private const string AgentExitCodes = """
        Exit codes:
          0 done, 1 failed, 2 wrong usage

        The server checks the session token in the header Coder-Session-Token. OpenSSH connects to an agent by
        ssh -o ProxyCommand="Edge ssh workspace/agent" -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null agent

        """;

    public override bool ClearsParseErrors => true;

    public override int Invoke(ParseResult parseResult)
    {
        new HelpAction().Invoke(parseResult);
        var output = parseResult.InvocationConfiguration.Output;
        if (parseResult.GetResult(admin) is not null)
        {
            output.WriteLine(ExitCodes);
        }
        else if (agentCommands.Any(command => parseResult.GetResult(command) is not null))
        {
            output.WriteLine(AgentExitCodes);
        }

        output.Write(Settings);
        return 0;
    }
}
