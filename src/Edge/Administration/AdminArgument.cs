using System.CommandLine;
using System.CommandLine.Parsing;

namespace Edge.Administration;

/// <summary>Creates the positional arguments of commands.</summary>
internal static class AdminArgument
{
    private static readonly Dictionary<string, string> Helps = new()
    {
        ["user"] = "a user's name or id",
        ["workspace"] = "a workspace's id, or user/workspace",
        ["agent"] = "an agent's id, or user/workspace/agent",
        ["token"] = "a token's id: the part before its hyphen",
        ["provider"] = "a provider's id",
    };

    /// <param name="name">The name in the help. In the API it has underscores instead of hyphens.</param>
    /// <param name="help">One line of the help. Arguments that are part of the path have a default.</param>
    public static Argument<string> Create(string name, string? help = null)
    {
        var argument = new Argument<string>(name) { Description = help ?? Helps[name] };
        argument.Validators.Add(Check);
        return argument;
    }

    // The parser treats an unknown option as the next argument. An empty text or a dot segment would change the request's path, for
    // instance from a user's token to the user.
    private static void Check(ArgumentResult result)
    {
        var value = result.Tokens.Count > 0 ? result.Tokens[0].Value : "";
        if (value.StartsWith('-'))
        {
            result.AddError($"unknown option {value.Split('=')[0]}");
        }
        else if (value.Trim() is "" or "." or "..")
        {
            result.AddError($"<{result.Argument.Name}> = \"{value}\": allowed is {result.Argument.Description}");
        }
    }
}
