using System.CommandLine;
using Edge.Administration;

namespace Edge.AgentCommands;

/// <summary>An agent on the command line.</summary>
internal static class AgentName
{
    private const int MostParts = 3;

    /// <summary>What the argument may be.</summary>
    public const string Allowed = "an agent's id, owner/workspace/agent, workspace/agent, or its name";

    /// <summary>The argument <c>agent</c>.</summary>
    public static Argument<string> Argument()
    {
        var argument = AdminArgument.Create("agent", Allowed);
        argument.Validators.Add(static result =>
        {
            if (result.Tokens is [{ Value: var text }] && !IsAllowed(text))
            {
                result.AddError($"<agent> = \"{text}\": allowed is {Allowed}");
            }
        });
        return argument;
    }

    private static bool IsAllowed(string text) =>
        text.Split('/') is { Length: <= MostParts } parts && parts.All(static part => part.Trim().Length > 0);
}
