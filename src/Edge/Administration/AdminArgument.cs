using System.CommandLine;
using System.CommandLine.Parsing;

namespace Edge.Administration;

/// <summary>What a command names by position.</summary>
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

    /// <param name="name">Its name in the help, and with underscores in the API.</param>
    /// <param name="help">One line of the help; not needed for what paths name.</param>
    public static Argument<string> Create(string name, string? help = null)
    {
        var argument = new Argument<string>(name) { Description = help ?? Helps[name] };
        argument.Validators.Add(Check);
        return argument;
    }

    // The parser takes an unknown option for the next argument. An empty text or a dot segment in a path would make it another one,
    // such as a user's in place of a token's.
    private static void Check(ArgumentResult result)
    {
        var value = result.Tokens.Count > 0 ? result.Tokens[0].Value : "";
        if (value.StartsWith('-'))
        {
            result.AddError($"there is no option {value.Split('=')[0]}");
        }
        else if (value.Trim() is "" or "." or "..")
        {
            result.AddError($"<{result.Argument.Name}> = \"{value}\": allowed is {result.Argument.Description}");
        }
    }
}
