using System.Text.RegularExpressions;

namespace Edge.Tests.Architecture;

/// <summary>Which namespace of a project uses which, by its files' <c>using</c>s and qualified names.</summary>
internal sealed partial class NamespaceGraph(HashSet<(string From, string To)> edges)
{
    public IReadOnlySet<(string From, string To)> Edges => edges;

    /// <summary>The graph of the files in a project's folder.</summary>
    public static NamespaceGraph Read(string project) => Of(Directory.EnumerateFiles(project, "*.cs", SearchOption.AllDirectories)
        .Where(path => Path.GetRelativePath(project, path).Split(Path.DirectorySeparatorChar) is not ["obj" or "bin", ..])
        .Select(File.ReadAllText));

    /// <summary>The graph of files with these texts.</summary>
    public static NamespaceGraph Of(IEnumerable<string> texts)
    {
        var files = texts
            .Select(static text => Comment().Replace(text, ""))
            .Select(static text => (Namespace: FileNamespace().Match(text).Groups[1].Value, Text: text))
            .ToArray();
        var types = files
            .SelectMany(static file => TypeName().Matches(file.Text)
                .Select(found => $"{file.Namespace}.{found.Groups[1].Value}"))
            .ToHashSet(StringComparer.Ordinal);
        var namespaces = files
            .Select(static file => file.Namespace)
            .Where(static name => name.Length > 0)
            .ToHashSet(StringComparer.Ordinal);
        var global = files.SelectMany(file => Using().Matches(file.Text)
            .Where(static found => found.Groups["global"].Success)
            .SelectMany(found => Named(found, namespaces))).ToArray();
        return new NamespaceGraph(files
            .Where(static file => file.Namespace.Length > 0)
            .SelectMany(file => Using().Matches(file.Text)
                .SelectMany(found => Named(found, namespaces))
                .Concat(Qualified().Matches(Using().Replace(file.Text, ""))
                    .Select(found => Qualifier(found.Value, file.Namespace, namespaces, types)))
                .Concat(global)
                .OfType<string>()
                .Where(used => used != file.Namespace)
                .Select(used => (file.Namespace, used)))
            .ToHashSet());
    }

    /// <summary>The strongly connected parts that have more than one namespace, each sorted (Tarjan's algorithm).</summary>
    public IReadOnlyList<string[]> Rings()
    {
        var next = edges.ToLookup(static edge => edge.From, static edge => edge.To);
        var (index, lowest) = (new Dictionary<string, int>(), new Dictionary<string, int>());
        var (path, onPath) = (new Stack<string>(), new HashSet<string>());
        var rings = new List<string[]>();
        foreach (var start in edges.Select(static edge => edge.From).Distinct().Order(StringComparer.Ordinal))
        {
            Visit(start);
        }

        return [.. rings.OrderBy(static ring => ring[0], StringComparer.Ordinal)];

        void Visit(string node)
        {
            if (!index.TryAdd(node, index.Count))
            {
                return;
            }

            lowest[node] = index[node];
            path.Push(node);
            onPath.Add(node);
            foreach (var other in next[node])
            {
                Visit(other);
                if (onPath.Contains(other))
                {
                    lowest[node] = Math.Min(lowest[node], lowest[other]);
                }
            }

            if (lowest[node] == index[node])
            {
                var ring = new List<string>();
                do
                {
                    ring.Add(path.Pop());
                    onPath.Remove(ring[^1]);
                }
                while (ring[^1] != node);

                if (ring.Count > 1)
                {
                    rings.Add([.. ring.Order(StringComparer.Ordinal)]);
                }
            }
        }
    }

    /// <summary>The namespaces in a <c>using</c>: the target's own and those of its type arguments.</summary>
    private static IEnumerable<string?> Named(Match found, HashSet<string> namespaces) =>
        DottedName().Matches(found.Groups["target"].Value).Select(name => Longest(name.Value, namespaces));

    private static string? Longest(string name, HashSet<string> namespaces)
    {
        while (name.Length > 0 && !namespaces.Contains(name))
        {
            name = name[..Math.Max(name.LastIndexOf('.'), 0)];
        }

        return name.Length > 0 ? name : null;
    }

    /// <summary>The namespace in <c>P.B.Thing</c>, or in <c>B.Thing</c> inside of <c>P</c>; null where it has no such type.</summary>
    private static string? Qualifier(string name, string inside, HashSet<string> namespaces, HashSet<string> types)
    {
        for (var around = inside; ; around = around[..Math.Max(around.LastIndexOf('.'), 0)])
        {
            var full = around.Length > 0 ? $"{around}.{name}" : name;
            if (Longest(full, namespaces) is { } found
                && found.Length > around.Length
                && found.Length < full.Length
                && types.Contains($"{found}.{full[(found.Length + 1)..].Split('.')[0]}"))
            {
                return found;
            }

            if (around.Length == 0)
            {
                return null;
            }
        }
    }

    [GeneratedRegex(@"^\s*//.*$|\s//.*$", RegexOptions.Multiline)]
    private static partial Regex Comment();

    [GeneratedRegex(@"^namespace ([\w.]+)", RegexOptions.Multiline)]
    private static partial Regex FileNamespace();

    [GeneratedRegex(@"\b(?:class|struct|record|interface|enum|delegate [\w<>?.]+) (?!struct\b|class\b)(\w+)")]
    private static partial Regex TypeName();

    [GeneratedRegex(@"^(?<global>global )?using (?:static )?(?:unsafe )?(?:\w+ = )?(?<target>[\w.:<>,\[\]?() ]+);", RegexOptions.Multiline)]
    private static partial Regex Using();

    [GeneratedRegex(@"\w+(?:\.\w+)*")]
    private static partial Regex DottedName();

    [GeneratedRegex(@"(?<![\w.])[A-Z]\w*(?:\.\w+)+")]
    private static partial Regex Qualified();
}
