using System.CommandLine;
using System.Text.Json.Nodes;

namespace Edge.Administration;

/// <summary>A command that sends one request, made from its arguments and options, to the admin listener.</summary>
internal sealed class AdminCommand : Command
{
    private readonly string _path;
    private readonly string? _status;

    /// <param name="name">The command's name.</param>
    /// <param name="description">One line of the help.</param>
    /// <param name="method">The request's method.</param>
    /// <param name="path">
    /// The request's path below <c>/admin/v1</c>. <c>{name}</c> is an argument. Arguments that are not in the path are members of the
    /// body.
    /// </param>
    /// <param name="status">The fixed value of the body's <c>status</c>; null without one.</param>
    public AdminCommand(string name, string description, HttpMethod method, string path, string? status = null)
        : base(name, description)
    {
        (Method, _path, _status) = (method, path, status);
        foreach (var segment in path.Split('/').Where(static segment => segment.StartsWith('{')))
        {
            Add(AdminArgument.Create(segment[1..^1]));
        }
    }

    public HttpMethod Method { get; }

    /// <summary>The answer's list and the columns of its table; null when the answer is an object.</summary>
    public (string Property, string[] Columns)? List { get; private set; }

    /// <summary>Whether the command asks for confirmation: a deletion cannot be undone.</summary>
    public bool Asks => Method == HttpMethod.Delete;

    /// <summary>Sets the answer's list and the columns of its table.</summary>
    public AdminCommand Shows(string property, params string[] columns)
    {
        List = (property, columns);
        return this;
    }

    /// <summary>Adds the options of a paged list.</summary>
    public AdminCommand Paged()
    {
        Add(new AdminOption("limit", "the most entries to list, 1 to 1000", AdminValue.Number)
        {
            InQuery = true,
            DefaultValueFactory = static _ => JsonValue.Create(1000),
        });
        Add(new AdminOption("offset", "the number of entries to skip", AdminValue.Number) { InQuery = true });
        return this;
    }

    /// <summary>The question before a deletion.</summary>
    public string Question(ParseResult result)
    {
        var given = Options.OfType<AdminOption>().Where(option => result.GetValue(option) is not null);
        var options = given.Select(static option => option.Description);
        return $"This will {string.Join(", and ", [Description, .. options])}: {string.Join(' ', Values(result))}. Go on? [y/N] ";
    }

    /// <summary>Makes the request's path with its query, and its body.</summary>
    public (string Path, JsonObject? Body) Request(ParseResult result)
    {
        var (target, query, body) = (_path, new List<string>(), new JsonObject());

        // The file comes first: options of the command line override its values.
        foreach (var option in Options.OfType<AdminOption>().OrderBy(static option => option.Property is not null))
        {
            var value = result.GetValue(option);
            if (value is null)
            {
                continue;
            }

            if (option.Property is null)
            {
                body = value.AsObject();
            }
            else if (option.InQuery)
            {
                query.Add($"{option.Property}={Uri.EscapeDataString(value.ToString())}");
            }
            else
            {
                body[option.Property] = value;
            }
        }

        foreach (var (argument, value) in Arguments.Zip(Values(result)))
        {
            var place = $"{{{argument.Name}}}";
            if (_path.Contains(place, StringComparison.Ordinal))
            {
                target = target.Replace(place, Uri.EscapeDataString(value), StringComparison.Ordinal);
            }
            else
            {
                body[argument.Name.Replace('-', '_')] = value;
            }
        }

        if (_status is not null)
        {
            body["status"] = _status;
        }

        var hasBody = Method != HttpMethod.Get && Method != HttpMethod.Delete;
        return (query.Count > 0 ? $"{target}?{string.Join('&', query)}" : target, hasBody ? body : null);
    }

    private IEnumerable<string> Values(ParseResult result) =>
        Arguments.OfType<Argument<string>>().Select(argument => result.GetRequiredValue(argument));
}
