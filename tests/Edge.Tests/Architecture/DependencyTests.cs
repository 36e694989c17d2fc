using System.Reflection;

namespace Edge.Tests.Architecture;

/// <summary>
/// Dependencies point one way: Edge → Relay, ControlPlane, Tailnet, LocalAgent, Sockets and Crypto; Relay → Sockets and Crypto;
/// ControlPlane → Tailnet → Sockets and Crypto.
/// </summary>
public class DependencyTests
{
    private static readonly string[] Ours = ["Edge", "Relay", "Tailnet", "ControlPlane", "LocalAgent", "Sockets", "Crypto"];

    [Theory]
    [InlineData("Sockets", "")]
    [InlineData("Crypto", "")]
    [InlineData("Relay", "Sockets Crypto")]
    [InlineData("Tailnet", "Sockets Crypto")]
    [InlineData("ControlPlane", "Tailnet")]
    [InlineData("LocalAgent", "")]
    [InlineData("Edge", "Relay ControlPlane LocalAgent Sockets Tailnet Crypto")]
    public void AnAssemblyReferencesOnlyWhatItMay(string name, string allowed)
    {
        var references = References(name).Intersect(Ours);

        Assert.Empty(references.Except(allowed.Split(' ')));
    }

    [Theory]
    [InlineData("Sockets")]
    [InlineData("Crypto")]
    [InlineData("Relay")]
    [InlineData("Tailnet")]
    public void TheLibrariesDoWithoutAspNet(string name) =>
        Assert.DoesNotContain(References(name), static reference => reference.StartsWith("Microsoft.AspNetCore", StringComparison.Ordinal));

    // What a project file allows counts too: an unused reference leaves no trace in the assembly.
    [Theory]
    [InlineData("Sockets", "")]
    [InlineData("Crypto", "")]
    [InlineData("Relay", "Sockets Crypto")]
    [InlineData("Tailnet", "Sockets Crypto")]
    [InlineData("ControlPlane", "Tailnet")]
    [InlineData("LocalAgent", "")]
    [InlineData("Edge", "Relay ControlPlane LocalAgent Sockets Tailnet Crypto")]
    public void AProjectNamesOnlyWhatItMay(string name, string allowed)
    {
        var project = File.ReadAllText(Path.Combine(RepositoryRoot(), "src", name, $"{name}.csproj"));
        var named = Ours.Where(other => project.Contains($"{other}.csproj", StringComparison.Ordinal));

        Assert.Empty(named.Except(allowed.Split(' ')));
        if (name is not ("Edge" or "ControlPlane" or "LocalAgent"))
        {
            Assert.DoesNotContain("Microsoft.AspNetCore", project, StringComparison.Ordinal);
        }
    }

    private static IEnumerable<string> References(string assembly) =>
        Assembly.Load(assembly).GetReferencedAssemblies().Select(static reference => reference.Name!);

    internal static string RepositoryRoot()
    {
        var directory = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(directory!.FullName, "Edge.sln")))
        {
            directory = directory.Parent;
        }

        return directory.FullName;
    }
}
