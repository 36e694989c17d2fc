using System.Reflection;

namespace ControlPlane;

/// <summary>This build's own version, as clients want it: <c>v1.2.3</c>, without the source revision.</summary>
internal static class BuildVersion
{
    public static string OfThisAssembly { get; } = Read();

    private static string Read()
    {
        var version = typeof(BuildVersion).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion ?? "0.0.0";
        var revision = version.IndexOf('+', StringComparison.Ordinal);
        return "v" + (revision < 0 ? version : version[..revision]);
    }
}
