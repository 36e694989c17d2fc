using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Invocation;

namespace Edge.Program;

/// <summary>The generated help, followed by what applies to all commands.</summary>
/// <param name="admin">The command with exit codes of its own.</param>
internal sealed class HelpText(Command admin) : SynchronousCommandLineAction
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

    public override bool ClearsParseErrors => true;

    public override int Invoke(ParseResult parseResult)
    {
        new HelpAction().Invoke(parseResult);
        var output = parseResult.InvocationConfiguration.Output;
        if (parseResult.GetResult(admin) is not null)
        {
            output.WriteLine(ExitCodes);
        }

        output.Write(Settings);
        return 0;
    }
}
