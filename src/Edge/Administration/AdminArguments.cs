using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Edge.Settings;

namespace Edge.Administration;

/// <summary>A command line taken apart.</summary>
internal sealed class AdminArguments
{
    private readonly Dictionary<string, List<string>> _options = new(StringComparer.Ordinal);

    private AdminArguments()
    {
    }

    public bool Help { get; private set; }

    public bool Json { get; private set; }

    /// <summary>Deletes without a question.</summary>
    public bool Yes { get; private set; }

    public string? Url { get; private set; }

    public string? TokenFile { get; private set; }

    /// <summary>What stands without a name, in order.</summary>
    public List<string> Positional { get; } = [];

    /// <summary>The node's settings among the arguments: <c>--Edge:DataDirectory=…</c>.</summary>
    public List<string> Settings { get; } = [];

    public static AdminArguments Parse(IReadOnlyList<string> args)
    {
        var parsed = new AdminArguments();
        var flags = AdminCommands.All.SelectMany(static command => command.Options).Where(static option => option.Kind == ValueKind.Flag).Select(static option => option.Name).ToHashSet();
        for (var i = 0; i < args.Count; i++)
        {
            var arg = args[i];
            if (arg is "-h" or "--help")
            {
                parsed.Help = true;
            }
            else if (arg is "--json")
            {
                parsed.Json = true;
            }
            else if (arg is "--yes")
            {
                parsed.Yes = true;
            }
            else if (!arg.StartsWith("--", StringComparison.Ordinal))
            {
                parsed.Positional.Add(arg);
            }
            else
            {
                var (name, given) = arg.IndexOf('=', StringComparison.Ordinal) is > 0 and var at ? (arg[2..at], arg[(at + 1)..]) : (arg[2..], null);
                var value = given ?? (flags.Contains(name) ? "true" : ++i < args.Count ? args[i] : throw new AdminUsageException($"--{name} needs a value"));
                parsed.Take(name, value);
            }
        }

        return parsed;
    }

    /// <summary>What is asked before something is deleted for good.</summary>
    public string Question(AdminCommand command)
    {
        var options = command.Options.Where(option => _options.ContainsKey(option.Name)).Select(static option => option.Help);
        return $"This will {string.Join(", and ", [command.Summary, .. options])}: {string.Join(' ', Positional)}. Go on? [y/N] ";
    }

    /// <summary>The request's path, query and body for this command.</summary>
    public (string Path, JsonObject? Body) Request(AdminCommand command, Func<string, string> readFile)
    {
        if (Positional.Count != command.Arguments.Count)
        {
            throw new AdminUsageException(Positional.Count < command.Arguments.Count
                ? $"<{command.Arguments[Positional.Count].Name}> is missing"
                : $"there is one argument too many: {Positional[command.Arguments.Count]}");
        }

        if (Yes && !command.Asks)
        {
            throw new AdminUsageException($"{command.Noun} {command.Verb} asks nothing: there is no option --yes");
        }

        if (_options.Keys.FirstOrDefault(name => command.Options.All(option => option.Name != name)) is { } stray)
        {
            throw new AdminUsageException($"there is no option --{stray}");
        }

        var (path, query, body) = (command.Path, new List<string>(), new JsonObject());

        // The file first: what the command line says stands above it.
        foreach (var option in command.Options.OrderByDescending(static option => option.Kind == ValueKind.BodyFile))
        {
            if (!_options.TryGetValue(option.Name, out var values))
            {
                if (option.Required)
                {
                    throw new AdminUsageException($"--{option.Name} is missing");
                }
            }
            else if (option.InQuery)
            {
                query.Add($"{option.Property}={Uri.EscapeDataString(values[^1])}");
            }
            else if (option.Kind == ValueKind.BodyFile)
            {
                body = ReadBody(values[^1], readFile);
            }
            else
            {
                body[option.Property] = Value(option, values, readFile);
            }
        }

        if (command.List is not null && command.Options.Any(static option => option.Name == "limit") && !_options.ContainsKey("limit"))
        {
            query.Add("limit=1000");
        }

        foreach (var (argument, value) in command.Arguments.Zip(Positional))
        {
            var place = $"{{{argument.Name}}}";
            if (path.Contains(place, StringComparison.Ordinal))
            {
                path = path.Replace(place, value.Length > 0 ? Uri.EscapeDataString(value) : throw new AdminUsageException($"<{argument.Name}> is empty"), StringComparison.Ordinal);
            }
            else
            {
                body[argument.Property] = value;
            }
        }

        foreach (var (property, value) in command.Fixed)
        {
            body[property] = value;
        }

        var hasBody = command.Method != HttpMethod.Get && command.Method != HttpMethod.Delete;
        return (query.Count > 0 ? $"{path}?{string.Join('&', query)}" : path, hasBody ? body : null);
    }

    private static JsonObject ReadBody(string file, Func<string, string> readFile)
    {
        try
        {
            // A name that is there twice would otherwise be found out when the node is written to.
            return JsonNode.Parse(readFile(file), documentOptions: new JsonDocumentOptions { AllowDuplicateProperties = false }) as JsonObject
                ?? throw new AdminUsageException($"{file} holds no JSON object");
        }
        catch (JsonException error)
        {
            throw new AdminUsageException($"{file} cannot be read as JSON: {error.Message}");
        }
    }

    private static JsonNode Value(AdminValue option, List<string> values, Func<string, string> readFile)
    {
        var text = values[^1];
        switch (option.Kind)
        {
            case ValueKind.Duration:
                return SettingsReader.TryParseDuration(text, out var duration)
                    ? (long)duration.TotalSeconds
                    : throw new AdminUsageException($"--{option.Name}: {text} is no duration such as 90s, 30m or 720h");
            case ValueKind.Pairs:
                var pairs = new JsonObject();
                foreach (var pair in values)
                {
                    var at = pair.IndexOf('=', StringComparison.Ordinal);
                    pairs[at > 0 ? pair[..at] : throw new AdminUsageException($"--{option.Name} needs NAME=VALUE")] = pair[(at + 1)..];
                }

                return pairs;
            case ValueKind.SecretFile:
                return readFile(text).Trim();
            case ValueKind.Number:
                return long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number)
                    ? number
                    : throw new AdminUsageException($"--{option.Name}: {text} is no whole number");
            default:
                return text;
        }
    }

    private void Take(string name, string value)
    {
        switch (name)
        {
            case "url":
                Url = value;
                break;
            case "token-file":
                TokenFile = value;
                break;
            case var _ when name.Contains(':', StringComparison.Ordinal):
                Settings.Add($"--{name}={value}");
                break;
            default:
                (_options.TryGetValue(name, out var values) ? values : _options[name] = []).Add(value);
                break;
        }
    }
}
