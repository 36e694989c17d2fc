using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Invocation;
using System.CommandLine.Parsing;
using Edge.Administration;
using Edge.AgentCommands;
using Edge.LocalAgent;
using Edge.Settings;

namespace Edge.Program;

/// <summary>The program's commands and options, and the error for a command line that does not match them.</summary>
internal sealed class EdgeCommandLine
{
    private const int WrongUsage = 1;
    private const int WrongUsageOfCommand = AdminProgram.WrongUsage;

    private const string Description =
        "A network edge for the Agents API, and a DERP relay. Without a command it runs a node with all parts on 127.0.0.1:8080.";

    private readonly Command _root;
    private readonly Command _admin;
    private readonly Command[] _agentCommands;
    private readonly string[] _arguments;

    /// <param name="args">The whole command line, settings included.</param>
    /// <param name="input">The input for <c>admin</c>.</param>
    public EdgeCommandLine(IReadOnlyList<string> args, AdminInput input)
    {
        (var settings, _arguments) = SettingsArguments.Split(args);
        _admin = AdminCommands.Create(settings, input);
        _agentCommands = new AgentCommandSet(settings, input).Create();
        _root = new Command("Edge", Description)
        {
            _admin,
            Agent(settings),
            Runs(
                "healthcheck",
                "exit with 0 if the node of these settings is ready, else with 1",
                console => HealthCheck.RunAsync(settings, console.Error)),
            new HelpOption { Description = "print this help", Action = new HelpText(_admin, _agentCommands) },
            new VersionOption("--version", "-v") { Description = "print the version", Action = new VersionText() },
        };
        foreach (var command in _agentCommands)
        {
            _root.Add(command);
        }

        _root.SetAction((result, _) => EdgeProgram.RunNodeAsync(settings, result.InvocationConfiguration.Output));

        // `Edge help` is `Edge --help`.
        var help = new Command("help") { Hidden = true };
        help.SetAction(result => _root.Parse(["--help"], Parsing).Invoke(result.InvocationConfiguration));
        _root.Add(help);
    }

    // No response files (@file), and no bundled single-letter options (-ab): arguments are taken literally.
    private static ParserConfiguration Parsing => new() { EnablePosixBundling = false, ResponseFileTokenReplacer = null };

    /// <summary>Returns the exit code.</summary>
    public async Task<int> RunAsync(TextWriter output, TextWriter errors)
    {
        // The program's name comes first, because the parser would skip a first argument that equals it.
        var result = _root.Parse([_root.Name, .. _arguments], Parsing);
        if (result.Errors.Count > 0)
        {
            return await RefuseAsync(result, errors);
        }

        // The node and the agent handle signals themselves, and EdgeProgram handles exceptions.
        return await result.InvokeAsync(new InvocationConfiguration
        {
            Output = output,
            Error = errors,
            ProcessTerminationTimeout = null,
            EnableDefaultExceptionHandler = false,
        });
    }

    private static Command Agent(string[] settings)
    {
        var agent = Runs(
            "agent",
            "serve this machine's shells, ports and containers to the API servers of a data directory",
            console => AgentProgram.RunAsync(settings, console.Output, console.Error));
        agent.Add(Runs("stop", "stop the agent and its shells", console => AgentProgram.StopAsync(settings, console.Output)));
        return agent;
    }

    private static Command Runs(string name, string description, Func<InvocationConfiguration, Task<int>> run)
    {
        var command = new Command(name, description);
        command.SetAction((result, _) => run(result.InvocationConfiguration));
        return command;
    }

    private async Task<int> RefuseAsync(ParseResult result, TextWriter errors)
    {
        if (result.UnmatchedTokens.Count == 0 && result.Errors.All(static error => error.SymbolResult is CommandResult))
        {
            // An incomplete command: its help lists what may follow.
            _root.Parse([_root.Name, .. _arguments, "--help"], Parsing).Invoke(new InvocationConfiguration { Output = errors });
        }
        else
        {
            var help = CommandWithCodes(result) is { } command ? $"Edge {command.Name} --help" : "Edge --help";
            await errors.WriteLineAsync($"edge: {Describe(result).ReplaceLineEndings(" ")} ({help})");
        }

        return CommandWithCodes(result) is null ? WrongUsage : WrongUsageOfCommand;
    }

    /// <summary>The command that tells a wrong command line from a failure by its exit code; null for the others.</summary>
    private Command? CommandWithCodes(ParseResult result) =>
        _agentCommands.Append(_admin).FirstOrDefault(command => result.GetResult(command) is not null);

    private static string Describe(ParseResult result)
    {
        // Only the names of options: their values may be secrets.
        var command = result.CommandResult.Command;
        if (result.UnmatchedTokens.FirstOrDefault(static token => token.StartsWith('-'))?.Split('=')[0] is { } option)
        {
            return SettingsArguments.IsSetting(option)
                ? $"{option}: a value is missing"
                : $"{option}: unknown option or setting; settings begin with {string.Join(", ", EdgeConfiguration.Sections)}";
        }

        if (result.UnmatchedTokens is [var name, ..] && command.Subcommands.Count > 0)
        {
            var names = command.Subcommands.Where(static one => !one.Hidden).Select(static one => one.Name);
            return $"unknown command \"{name.Split('=')[0]}\"; the commands are {string.Join(", ", names)}";
        }

        return result.Errors.FirstOrDefault(static error => error.SymbolResult is not CommandResult, result.Errors[0]).Message;
    }

    private sealed class VersionText : SynchronousCommandLineAction
    {
        public override int Invoke(ParseResult parseResult)
        {
            parseResult.InvocationConfiguration.Output.WriteLine($"Edge {EdgeVersion.Text}");
            return 0;
        }
    }
}
