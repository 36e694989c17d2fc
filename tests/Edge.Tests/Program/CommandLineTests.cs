using Edge.Administration;
using Edge.Program;
using Edge.Settings;

namespace Edge.Tests.Program;

/// <summary>What the program says to command lines that start nothing.</summary>
public class CommandLineTests
{
    [Theory]
    [InlineData("Edge [command] [options]", "--help")]
    [InlineData("Edge [command] [options]", "-h")]
    [InlineData("Edge [command] [options]", "help")]
    [InlineData("Edge [command] [options]", "--Edge:Mode=edge", "--help")]
    [InlineData("Edge agent [command] [options]", "agent", "--help")]
    [InlineData("Edge agent stop [options]", "agent", "stop", "--help")]
    [InlineData("Edge healthcheck [options]", "healthcheck", "--help")]
    [InlineData("Edge admin [command] [options]", "admin", "--help")]
    [InlineData("Edge ping <agent> [options]", "ping", "--help")]
    [InlineData("Edge speedtest <agent> [options]", "speedtest", "--help")]
    [InlineData("Edge ssh <agent> [options]", "ssh", "--help")]
    [InlineData("Edge port-forward <agent> <ports>... [options]", "port-forward", "--help")]
    [InlineData("Edge admin user delete <user> [options]", "admin", "user", "delete", "--help")]
    public async Task HelpIsPrintedAndNothingIsStarted(string usage, params string[] args)
    {
        var (code, output, errors) = await RunAsync(args);

        Assert.Equal((0, ""), (code, errors));
        Assert.Contains(usage, output, StringComparison.Ordinal);
        Assert.Contains("--urls http://0.0.0.0:8080", output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("--version")]
    [InlineData("-v")]
    public async Task TheVersionIsPrintedAndNothingIsStarted(string option)
    {
        Assert.Equal((0, $"Edge {EdgeVersion.Text}{Environment.NewLine}", ""), await RunAsync(option));
    }

    [Theory]
    [InlineData("--anything: unknown option or setting", "--anything")]
    [InlineData("--Egde:Mode: unknown option or setting; settings begin with Edge, ", "--Egde:Mode=edge")]
    [InlineData("--Egde:Mode: unknown option or setting", "--Egde:Mode", "edge")]
    [InlineData("-V: unknown option or setting", "-V")]
    [InlineData("-Edge:Mode: unknown option or setting", "-Edge:Mode=edge")]
    [InlineData("--Edge:Mode: a value is missing", "--Edge:Mode")]
    [InlineData("--Edge:DataDirectory: a value is missing", "--Edge:DataDirectory", "--Edge:Mode=edge")]
    [InlineData("--urls: a value is missing", "healthcheck", "--urls")]
    [InlineData("unknown command \"serve\"; the commands are admin, agent, healthcheck, ping, speedtest, ssh, port-forward", "serve")]
    [InlineData("unknown command \"Edge\"", "Edge")]
    [InlineData("unknown command \"start\"; the commands are stop", "agent", "start")]
    [InlineData("unknown command \"@file\"", "@file")]
    [InlineData("--json: unknown option or setting", "healthcheck", "--json")]
    [InlineData("cannot be combined", "--version", "agent")]
    public async Task WhatIsNoCommandOptionOrSettingIsRefusedInOneLine(string says, params string[] args)
    {
        var (code, output, errors) = await RunAsync(args);

        Assert.Equal((1, ""), (code, output));
        Assert.StartsWith("edge: ", Assert.Single(errors.Split('\n', StringSplitOptions.RemoveEmptyEntries)), StringComparison.Ordinal);
        Assert.Contains(says, errors, StringComparison.Ordinal);
    }

    [Fact]
    public async Task AValueThatMayBeASecretIsNotRepeated()
    {
        var (_, _, errors) = await RunAsync("--ControlPlan:Database=Host=h;Password=geheim");

        Assert.DoesNotContain("geheim", errors, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("--Edge:Mode=relay")]
    [InlineData("--Edge:Mode", "relay")]
    [InlineData("/Edge:Mode=relay")]
    [InlineData("/Edge:Mode", "relay")]
    [InlineData("Edge:Mode=relay")]
    [InlineData("--edge:mode=relay")]
    [InlineData("--Edge:Mode=edge", "--Edge:Mode=relay")]
    [InlineData("--Edge:DataDirectory", "agent", "--Edge:Mode=relay")]
    public void SettingsKeepTheFormsOfTheConfiguration(params string[] args)
    {
        var (settings, others) = SettingsArguments.Split([.. args, "agent", "stop"]);
        using var configuration = EdgeConfiguration.Load(settings);

        Assert.Equal(["agent", "stop"], others);
        Assert.Equal("relay", configuration["Edge:Mode"]);
    }

    [Fact]
    public void AValueOfAnAdminCommandIsNoSetting()
    {
        string[] args = ["admin", "agent", "create", "a/b", "c", "--env", "Logging=1", "--directory", "/urls"];

        var (settings, others) = SettingsArguments.Split([.. args, "--Edge:DataDirectory=d"]);

        Assert.Equal(["--Edge:DataDirectory=d"], settings);
        Assert.Equal(args, others);
    }

    [Theory]
    [InlineData("'user' missing", "admin", "user", "show")]
    [InlineData("'d'", "admin", "user", "show", "a", "d")]
    [InlineData("unknown option --colour", "admin", "user", "show", "--colour")]
    [InlineData("--colour: unknown option", "admin", "user", "show", "ann", "--colour", "red")]
    [InlineData("--yes: unknown option", "admin", "user", "show", "ann", "--yes")]
    [InlineData("unknown command \"paint\"; the commands are create, list, ", "admin", "user", "paint", "ann")]
    [InlineData("'--file' is required", "admin", "agent", "declare", "a")]
    [InlineData("missing for option: '--email'", "admin", "user", "create", "ann", "--email")]
    [InlineData("'--email' expects a single argument", "admin", "user", "create", "ann", "--email", "a", "--email", "b")]
    [InlineData("--limit = \"x\": allowed is a whole number", "admin", "user", "list", "--limit", "x")]
    [InlineData("--lifetime = \"5\": allowed is a duration", "admin", "token", "create", "ann", "--lifetime", "5")]
    [InlineData("--env = \"=\": allowed is NAME=VALUE", "admin", "agent", "create", "a/b", "c", "--env", "=")]
    [InlineData("--file = \"/nowhere\": the file cannot be read", "admin", "agent", "declare", "a", "--file", "/nowhere")]
    [InlineData("--token-file = \"/nowhere\": the file cannot be read", "admin", "user", "list", "--token-file", "/nowhere")]
    [InlineData("--url = \"nowhere\": allowed is a URL", "admin", "user", "list", "--url", "nowhere")]
    [InlineData("Edge:Mode = \"both\"", "admin", "user", "list", "--Edge:Mode=both")]
    [InlineData("--Edge:Mode: a value is missing", "admin", "user", "list", "--Edge:Mode")]
    [InlineData("<user> = \"\": allowed is a user's name or id", "admin", "user", "delete", "", "--yes")]
    [InlineData("<token> = \"..\": allowed is a token's id", "admin", "token", "delete", "ann", "..", "--yes")]
    [InlineData("<user> = \".\"", "admin", "user", "delete", ".", "--yes")]
    [InlineData("'agent' missing", "ping")]
    [InlineData("'ports' missing", "port-forward", "main")]
    [InlineData("<agent> = \"a/b/c/d\": allowed is an agent's id, owner/workspace/agent, ", "ping", "a/b/c/d")]
    [InlineData("<agent> = \"a//c\": allowed is an agent's id", "ssh", "a//c")]
    [InlineData("unknown option --colour", "ping", "--colour")]
    [InlineData("--colour: unknown option", "speedtest", "main", "--colour", "red")]
    [InlineData("--count = \"0\": allowed is a whole number from 1 to 1000000", "ping", "main", "--count", "0")]
    [InlineData("--seconds = \"4\": allowed is a whole number from 5 to 30", "speedtest", "main", "--seconds", "4")]
    [InlineData("--url = \"nowhere\": allowed is a URL such as http://127.0.0.1:8080", "ping", "main", "--url", "nowhere")]
    [InlineData("--token-file = \"/nowhere\": the file cannot be read", "ping", "main", "--token-file", "/nowhere")]
    [InlineData("--token-file = \"/nowhere/bootstrap.json\": the file", "ping", "main", "--data-directory", "/nowhere")]
    [InlineData("--token-file = \"-\": allowed is a file", "ssh", "main", "--token-file", "-")]
    [InlineData("urls = \"http://*:80\": the commands cannot use it; add --url", "ping", "main", "--urls", "http://*:80")]
    [InlineData("<ports> = \"80\": allowed is LOCAL:REMOTE", "port-forward", "main", "80")]
    [InlineData("<ports> = \"8080:2\": allowed is LOCAL:REMOTE", "port-forward", "main", "8081:80", "8080:2")]
    [InlineData("<ports> = \"70000:80\": allowed is LOCAL:REMOTE", "port-forward", "main", "70000:80")]
    public async Task ACommandThatIsWrongIsRefusedInOneLineWithExitCodeTwo(string says, params string[] args)
    {
        var (code, output, errors) = await RunAsync(args);

        Assert.Equal((2, ""), (code, output));
        Assert.StartsWith("edge: ", Assert.Single(errors.Split('\n', StringSplitOptions.RemoveEmptyEntries)), StringComparison.Ordinal);
        Assert.Contains(says, errors, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("  user ", "admin")]
    [InlineData("  delete <user> ", "admin", "user")]
    public async Task ACommandThatIsNotCompleteIsToldWhatMayFollow(string says, params string[] args)
    {
        var (code, output, errors) = await RunAsync(args);

        Assert.Equal((2, ""), (code, output));
        Assert.Contains(says, errors, StringComparison.Ordinal);
    }

    private static async Task<(int Code, string Output, string Errors)> RunAsync(params string[] args)
    {
        using var output = new StringWriter();
        using var errors = new StringWriter();
        var code = await EdgeProgram.RunAsync(args, new AdminInput(static () => TextReader.Null, CanAsk: false), output, errors);
        return (code, output.ToString(), errors.ToString());
    }
}
