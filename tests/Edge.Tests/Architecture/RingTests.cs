namespace Edge.Tests.Architecture;

/// <summary>
/// Namespaces of a project depend on each other one way. A ring, in which each namespace needs all others, is read and changed only as a
/// whole: the rings that there are stand here with their reasons, and no other may come. A namespace sees the types of those around it
/// without naming them; that is not counted.
/// </summary>
public class RingTests
{
    /// <summary>The longest ring that a reason excuses.</summary>
    private const int LongestAllowed = 3;

    private static readonly Dictionary<string, AllowedRing[]> Allowed = new()
    {
        ["Relay"] =
        [
            new("A connection forwards to the mesh, and the mesh's links are connections.", "Derp.Connections, Derp.Mesh"),
        ],
    };

    public static TheoryData<string> Projects =>
        new(Directory.EnumerateDirectories(Source).Select(static directory => Path.GetFileName(directory)).Order(StringComparer.Ordinal));

    private static string Source => Path.Combine(DependencyTests.RepositoryRoot(), "src");

    [Theory]
    [MemberData(nameof(Projects))]
    public void AProjectHasNoRingsOfNamespacesButThoseWithAReason(string project)
    {
        var rings = NamespaceGraph.Read(Path.Combine(Source, project)).Rings();
        var allowed = Allowed.GetValueOrDefault(project, []);

        Assert.Empty(rings.Where(ring => !allowed.Any(one => one.Holds(project, ring))).Select(static ring => string.Join(", ", ring)));
    }

    // A ring that is gone, or smaller, must not come back.
    [Fact]
    public void AnAllowedRingIsThere() => Assert.All(Allowed, static project =>
    {
        var rings = NamespaceGraph.Read(Path.Combine(Source, project.Key)).Rings();
        Assert.All(project.Value, allowed => Assert.Contains(rings, ring => allowed.NamesOf(project.Key).SetEquals(ring)));
    });

    [Fact]
    public void AnAllowedRingIsShort() => Assert.All(
        Allowed.Values.SelectMany(static rings => rings), static ring => Assert.InRange(ring.Names.Length, 2, LongestAllowed));

    [Theory]
    [InlineData("using P.B;", "P.A>P.B")]
    [InlineData("global using P.B;", "P.A>P.B P.B.C>P.B")]
    [InlineData("using static P.B.Thing;", "P.A>P.B")]
    [InlineData("using Other = P.B.Thing;", "P.A>P.B")]
    [InlineData("using Many = System.Func<int, P.B.C.Thing>;", "P.A>P.B.C")]
    [InlineData("using System.Text;", "")]
    [InlineData("// using P.B;", "")]
    [InlineData("/// <see cref=\"P.B.Thing\"/>", "")]
    [InlineData("P.B.Thing? thing;", "P.A>P.B")]
    [InlineData("global::P.B.Thing? thing;", "P.A>P.B")]
    [InlineData("B.Thing? thing;", "P.A>P.B")]
    [InlineData("var thing = new B.C.Thing();", "P.A>P.B.C")]
    [InlineData("var thing = B.C.Count;", "")]
    [InlineData("var thing = one.B.Thing;", "")]
    public void AGraphHasWhatUsingsAndQualifiedNamesSay(string line, string edges)
    {
        var isUsing = line.Contains("using ", StringComparison.Ordinal);
        var graph = NamespaceGraph.Of(
        [
            (isUsing ? line + "\n" : "") + "namespace P.A;\n" + (isUsing ? "" : line),
            "namespace P.B;\npublic sealed class Thing;",
            "namespace P.B.C;\ninternal readonly record struct Thing(int Count);",
        ]);

        Assert.Equal(edges, string.Join(' ', graph.Edges.Order().Select(static edge => $"{edge.From}>{edge.To}")));
    }

    [Theory]
    [InlineData("A>B B>C", "")]
    [InlineData("A>B B>A", "A B")]
    [InlineData("A>B B>C C>A C>D", "A B C")]
    [InlineData("A>B B>A B>C C>D D>C", "A B|C D")]
    public void ARingIsWhatReachesItself(string edges, string rings)
    {
        var pairs = edges.Split(' ').Select(static edge => edge.Split('>')).Select(static ends => (ends[0], ends[1]));

        var found = new NamespaceGraph([.. pairs]).Rings();

        Assert.Equal(rings, string.Join('|', found.Select(static ring => string.Join(' ', ring))));
    }

    /// <summary>A ring that may be there.</summary>
    /// <param name="Reason">Why it may.</param>
    /// <param name="Namespaces">Its namespaces without the project's name, with commas between.</param>
    private sealed record AllowedRing(string Reason, string Namespaces)
    {
        public string[] Names { get; } = Namespaces.Split(", ");

        public HashSet<string> NamesOf(string project) => [.. Names.Select(name => $"{project}.{name}")];

        public bool Holds(string project, IEnumerable<string> ring) => NamesOf(project).IsSupersetOf(ring);
    }
}
