using System.Reflection;

namespace ControlPlane;

/// <summary>The version of this build in the form that clients parse: <c>v1.2.3</c>, without the source revision.</summary>
internal static class BuildVersion
{
    public static string OfThisAssembly { get; } = Read();

    private static string Read()
    {
        var attribute = typeof(BuildVersion).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>();
        var version = attribute?.InformationalVersion ?? "0.0.0";
        var revision = version.IndexOf('+', StringComparison.Ordinal);
        return "v" + (revision < 0 ? version : version[..revision]);
    }
}
