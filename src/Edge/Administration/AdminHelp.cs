using System.Text;

namespace Edge.Administration;

/// <summary>The help of <c>Edge admin</c>, at each of its levels.</summary>
internal static class AdminHelp
{
    private const string Common = """

        Everywhere:
          --json             print the API's JSON in place of a table
          --url URL          the admin listener (default: Edge:Admin:Url of the node's settings)
          --token-file FILE  the admin token, or a bootstrap.json (default: bootstrap.json in Edge:DataDirectory)
          --Edge:…=…         the node's settings, to find both
          --help             this text
        Commands that delete ask first, or take --yes.
        Exit codes: 0 done, 1 refused, 2 wrong usage, 3 the admin listener does not answer.

        """;

    /// <summary>All commands, or those of one noun.</summary>
    public static string Of(string? noun)
    {
        var commands = AdminCommands.All.Where(command => noun is null || command.Noun == noun).ToList();
        var width = commands.Max(static command => command.Usage.Length);
        var text = new StringBuilder($"Administers the API server of a node, over its admin listener.{Environment.NewLine}{Environment.NewLine}");
        foreach (var command in commands)
        {
            text.AppendLine($"  {command.Usage.PadRight(width)}  {command.Summary}");
        }

        return text.Append(Common).ToString();
    }

    public static string Of(AdminCommand command)
    {
        var text = new StringBuilder($"{command.Usage}{Environment.NewLine}  {command.Summary}{Environment.NewLine}{Environment.NewLine}");
        var lines = command.Arguments.Select(static argument => ($"<{argument.Name}>", argument.Help))
            .Concat(command.Options.Select(static option => (
                option.Kind is ValueKind.Flag ? $"--{option.Name}" : $"--{option.Name} {Placeholder(option.Kind)}",
                option.Required ? $"{option.Help} (required)" : option.Help)))
            .Concat(command.Asks ? [("--yes", "do it without a question; needed where nobody can be asked")] : Array.Empty<(string, string)>())
            .ToList();
        var width = lines.Select(static line => line.Item1.Length).DefaultIfEmpty().Max();
        foreach (var (name, help) in lines)
        {
            text.AppendLine($"  {name.PadRight(width)}  {help}");
        }

        return text.Append(Common).ToString();
    }

    private static string Placeholder(ValueKind kind) => kind switch
    {
        ValueKind.Number => "N",
        ValueKind.Duration => "TIME",
        ValueKind.Pairs => "NAME=VALUE",
        ValueKind.SecretFile or ValueKind.BodyFile => "FILE",
        _ => "TEXT",
    };
}
