namespace Edge.Administration;

/// <summary>What a value of the command line is, and how it is written.</summary>
internal enum ValueKind
{
    Text,

    /// <summary>A whole number.</summary>
    Number,

    /// <summary>Nothing follows its name.</summary>
    Flag,

    /// <summary>Seconds in the API, <c>90s</c> or <c>720h</c> here.</summary>
    Duration,

    /// <summary><c>NAME=VALUE</c>, may come again.</summary>
    Pairs,

    /// <summary>The name of a file with the value in it; <c>-</c> is the input. So that secrets are in no list of processes.</summary>
    SecretFile,

    /// <summary>The name of a file with a JSON object, whose members the request's body begins with.</summary>
    BodyFile,
}

/// <summary>A value that a command takes: by its position, or as <c>--name value</c>.</summary>
/// <param name="Name">Its name, with hyphens; the API's has underscores.</param>
/// <param name="Help">One line.</param>
/// <param name="Kind">What it is.</param>
internal sealed record AdminValue(string Name, string Help, ValueKind Kind = ValueKind.Text)
{
    /// <summary>Its name in the API.</summary>
    public string Property { get; init; } = Name.Replace('-', '_');

    /// <summary>Whether it goes into the query, not into the body.</summary>
    public bool InQuery { get; init; }

    /// <summary>Whether an option must be given.</summary>
    public bool Required { get; init; }
}

/// <summary>A command: what it sends to the admin listener, and how the answer is shown.</summary>
/// <param name="Noun">What it is about, such as <c>user</c>.</param>
/// <param name="Verb">What it does.</param>
/// <param name="Summary">One line.</param>
/// <param name="Method">The request's method.</param>
/// <param name="Path">Below <c>/admin/v1</c>; <c>{name}</c> stands for the argument of that name.</param>
internal sealed record AdminCommand(string Noun, string Verb, string Summary, HttpMethod Method, string Path)
{
    public IReadOnlyList<AdminValue> Arguments { get; init; } = [];

    public IReadOnlyList<AdminValue> Options { get; init; } = [];

    /// <summary>Whether somebody is asked first: what it deletes nothing brings back.</summary>
    public bool Asks => Method == HttpMethod.Delete;

    /// <summary>Members of the body that are always the same.</summary>
    public IReadOnlyList<(string Property, string Value)> Fixed { get; init; } = [];

    /// <summary>The member of the answer that is a list, and the columns shown of it; null: the answer is one object.</summary>
    public (string Property, string[] Columns)? List { get; init; }

    public string Usage => string.Join(
        ' ',
        [
            $"Edge admin {Noun} {Verb}",
            .. Arguments.Select(static argument => $"<{argument.Name}>"),
            .. Options.Count > 0 || Asks ? ["[options]"] : Array.Empty<string>(),
        ]);
}
