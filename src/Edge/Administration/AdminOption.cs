using System.CommandLine;
using System.CommandLine.Parsing;
using System.Text.Json.Nodes;
using Edge.Settings;

namespace Edge.Administration;

/// <summary>An option whose value becomes a member of the request's body or a parameter of its query.</summary>
internal sealed class AdminOption : Option<JsonNode?>
{
    /// <param name="name">The name without the two hyphens.</param>
    /// <param name="help">One line of the help.</param>
    /// <param name="kind">The syntax of the value.</param>
    /// <param name="property">The name in the API. Null: the value is the whole body, to which other options add.</param>
    public AdminOption(string name, string help, AdminValue kind, string? property)
        : base("--" + name)
    {
        Description = help;
        HelpName = kind.Placeholder;
        Arity = kind.Arity;
        Property = property;
        CustomParser = result => Parse(result, kind);
    }

    /// <summary>An option, by default with a text, whose name in the API has underscores instead of hyphens.</summary>
    public AdminOption(string name, string help, AdminValue? kind = null)
        : this(name, help, kind ?? AdminValue.Text, name.Replace('-', '_'))
    {
    }

    /// <summary>The name in the API. Null: the value is the whole body.</summary>
    public string? Property { get; }

    /// <summary>Whether the value is a parameter of the query.</summary>
    public bool InQuery { get; init; }

    /// <summary><c>--file</c>: a JSON file that is the request's body.</summary>
    public static AdminOption Body(string help, AdminInput input, bool required = false) =>
        new("file", help, AdminValue.JsonFile(input), property: null) { Required = required };

    private JsonNode? Parse(ArgumentResult result, AdminValue kind)
    {
        try
        {
            return kind.Parse(Name, [.. result.Tokens.Select(static token => token.Value)]);
        }
        catch (SettingsException error)
        {
            result.AddError(error.Message);
            return null;
        }
    }
}
