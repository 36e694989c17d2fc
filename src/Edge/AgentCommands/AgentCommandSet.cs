using System.CommandLine;
using System.Globalization;
using Edge.Administration;
using Edge.Settings;

namespace Edge.AgentCommands;

/// <summary>The commands on agents: <c>ping</c>, <c>speedtest</c>, <c>ssh</c> and <c>port-forward</c>.</summary>
/// <param name="settings">The node's settings on the command line.</param>
/// <param name="input">The input for a token file named <c>-</c>.</param>
internal sealed class AgentCommandSet(IReadOnlyList<string> settings, AdminInput input)
{
    private const int Failed = 1;
    private const int WrongUsage = AdminProgram.WrongUsage;
    private const int MostPings = 1_000_000;

    /// <summary>Creates the commands.</summary>
    public Command[] Create() => [Ping(), SpeedTest(), Ssh(), PortForward()];

    private Command Ping()
    {
        var count = Number("--count", "the number of pings, one a second", 4, 1, MostPings);
        var command = new Command("ping", "measure the round trip to an agent") { count };
        return Serve(command, (client, agent, result, cancellation) =>
            PingCommand.RunAsync(client, agent, result.GetValue(count), result.InvocationConfiguration.Output, cancellation));
    }

    private Command SpeedTest()
    {
        var seconds = Number("--seconds", "the test's length in seconds, 5 to 30", 5, 5, 30);
        var upload = new Option<bool>("--upload") { Description = "send to the agent, in place of a download", Arity = ArgumentArity.Zero };
        var command = new Command("speedtest", "measure the throughput of a connection to an agent") { seconds, upload };
        return Serve(command, (client, agent, result, cancellation) => SpeedTestCommand.RunAsync(
            client,
            agent,
            TimeSpan.FromSeconds(result.GetValue(seconds)),
            result.GetValue(upload),
            result.InvocationConfiguration.Output,
            cancellation));
    }

    private Command Ssh()
    {
        var command = new Command("ssh", "connect standard input and output to an agent's SSH server, as OpenSSH's ProxyCommand");
        return Serve(
            command,
            static (client, agent, _, cancellation) => SshCommand.RunAsync(client, agent, cancellation),
            usesInput: true);
    }

    private Command PortForward()
    {
        var ports = ForwardedPort.Argument();
        var command = new Command("port-forward", "listen on ports of 127.0.0.1 for ports of an agent's machine, until Ctrl-C");
        Serve(command, (client, agent, result, cancellation) => PortForwardCommand.RunAsync(
            client,
            agent,
            result.GetRequiredValue(ports),
            result.InvocationConfiguration.Output,
            result.InvocationConfiguration.Error,
            cancellation));
        command.Add(ports);
        return command;
    }

    /// <summary>Adds the options of all commands, and sets the command's action.</summary>
    /// <param name="command">The command.</param>
    /// <param name="run">Runs the command. An <see cref="AgentCommandException"/> is its failure.</param>
    /// <param name="usesInput">Whether the command reads standard input, which then cannot have the token.</param>
    private Command Serve(
        Command command, Func<AgentClient, NamedAgent, ParseResult, CancellationToken, Task> run, bool usesInput = false)
    {
        var agent = AgentName.Argument();
        var url = new Option<Uri?>("--url")
        {
            Description = $"the server (default: {AgentTarget.UrlVariable}, else the node of the settings)",
            HelpName = "URL",
            CustomParser = static result => ApiAddress.Parse(result, AgentTarget.ExampleUrl),
        };
        var tokenFile = new Option<string?>("--token-file")
        {
            Description = usesInput
                ? $"a file with the session token (default: {AgentTarget.TokenVariable}, else bootstrap.json)"
                : $"a file with the session token, - for standard input (default: {AgentTarget.TokenVariable}, else bootstrap.json)",
            HelpName = "FILE",
        };
        var dataDirectory = new Option<string?>("--data-directory")
        {
            Description = "the directory of bootstrap.json (default: Edge:DataDirectory of the settings)",
            HelpName = "DIRECTORY",
        };
        command.Add(agent);
        command.Add(url);
        command.Add(tokenFile);
        command.Add(dataDirectory);
        command.SetAction(async (result, cancellation) =>
        {
            var errors = result.InvocationConfiguration.Error;
            try
            {
                var file = result.GetValue(tokenFile);
                if (usesInput && file == "-")
                {
                    throw new SettingsException("--token-file", file, "allowed is a file: standard input has the connection's bytes");
                }

                var target = AgentTarget.Find(result.GetValue(url), file, result.GetValue(dataDirectory), settings, input);
                using var client = new AgentClient(target);
                var name = result.GetRequiredValue(agent);
                var id = await AgentLookup.FindAsync(client, name, cancellation);
                await run(client, new NamedAgent(id, name), result, cancellation);
                return 0;
            }
            catch (SettingsException error)
            {
                await errors.WriteLineAsync($"edge: {error.Message}");
                return WrongUsage;
            }
            catch (AgentCommandException error)
            {
                await errors.WriteLineAsync($"edge: {error.Message}");
                return Failed;
            }
        });
        return command;
    }

    private static Option<int> Number(string name, string help, int normal, int least, int most) => new(name)
    {
        Description = help,
        HelpName = "N",
        DefaultValueFactory = _ => normal,
        CustomParser = result =>
        {
            var text = result.Tokens[0].Value;
            if (!int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) || number < least || number > most)
            {
                result.AddError(new SettingsException(
                    name, text, FormattableString.Invariant($"allowed is a whole number from {least} to {most}")).Message);
            }

            return number;
        },
    };
}

/// <summary>An agent, and how the command line calls it.</summary>
/// <param name="Id">The agent's id.</param>
/// <param name="Name">The text of the command line.</param>
internal sealed record NamedAgent(Guid Id, string Name);
