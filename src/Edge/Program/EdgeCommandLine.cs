using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Invocation;
using System.CommandLine.Parsing;
using Edge.Administration;
using Edge.LocalAgent;
using Edge.Settings;

namespace Edge.Program;

/// <summary>The program's commands and options, and what is said when a command line is none of them.</summary>
internal sealed class EdgeCommandLine
{
    private const int WrongUsage = 1;

    private const string Description =
        "A network edge for the Agents API, and a DERP relay. Without a command it runs a node: everything, on 127.0.0.1:8080.";

    private readonly Command _root;
    private readonly Command _admin;
    private readonly string[] _arguments;

    /// <param name="args">The whole command line, settings included.</param>
    /// <param name="input">For <c>admin</c>.</param>
    public EdgeCommandLine(IReadOnlyList<string> args, AdminInput input)
    {
        (var settings, _arguments) = SettingsArguments.Split(args);
        _admin = AdminCommands.Create(settings, input);
        _root = new Command("Edge", Description)
        {
            _admin,
            Agent(settings),
            Runs(
                "healthcheck",
                "exit with 0 when the node of these settings is ready, else with 1",
                console => HealthCheck.RunAsync(settings, console.Error)),
            new HelpOption { Description = "print this help", Action = new HelpText(_admin) },
            new VersionOption("--version", "-v") { Description = "print the version", Action = new VersionText() },
        };
        _root.SetAction((result, _) => EdgeProgram.RunNodeAsync(settings, result.InvocationConfiguration.Output));

        // `Edge help` is `Edge --help`.
        var help = new Command("help") { Hidden = true };
        help.SetAction(result => _root.Parse(["--help"], Parsing).Invoke(result.InvocationConfiguration));
        _root.Add(help);
    }

    // An argument is what it says: no file of arguments (@file), and no letters of several options in one.
    private static ParserConfiguration Parsing => new() { EnablePosixBundling = false, ResponseFileTokenReplacer = null };

    /// <summary>Returns the exit code.</summary>
    public async Task<int> RunAsync(TextWriter output, TextWriter errors)
    {
        // With the program's name first: the parser would skip an argument that is the same.
        var result = _root.Parse([_root.Name, .. _arguments], Parsing);
        if (result.Errors.Count > 0)
        {
            return await RefuseAsync(result, errors);
        }

        // Signals are the node's and the agent's own, and errors EdgeProgram's.
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
        agent.Add(Runs("stop", "stop that agent and its shells", console => AgentProgram.StopAsync(settings, console.Output)));
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
            // The command is not complete: what may follow says more than that something is missing.
            _root.Parse([_root.Name, .. _arguments, "--help"], Parsing).Invoke(new InvocationConfiguration { Output = errors });
        }
        else
        {
            var help = IsAdmin(result) ? "Edge admin --help" : "Edge --help";
            await errors.WriteLineAsync($"edge: {Describe(result).ReplaceLineEndings(" ")} ({help})");
        }

        return IsAdmin(result) ? AdminProgram.WrongUsage : WrongUsage;
    }

    private bool IsAdmin(ParseResult result) => result.GetResult(_admin) is not null;

    private static string Describe(ParseResult result)
    {
        // Only the names: values may be secrets.
        var command = result.CommandResult.Command;
        if (result.UnmatchedTokens.FirstOrDefault(static token => token.StartsWith('-'))?.Split('=')[0] is { } option)
        {
            return SettingsArguments.IsSetting(option)
                ? $"{option}: a value is missing"
                : $"{option}: there is no such option or setting; settings begin with {string.Join(", ", EdgeConfiguration.Sections)}";
        }

        if (result.UnmatchedTokens is [var name, ..] && command.Subcommands.Count > 0)
        {
            var names = command.Subcommands.Where(static one => !one.Hidden).Select(static one => one.Name);
            return $"there is no command \"{name.Split('=')[0]}\"; there are {string.Join(", ", names)}";
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
