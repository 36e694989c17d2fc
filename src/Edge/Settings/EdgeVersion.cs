using System.Reflection;

namespace Edge.Settings;

/// <summary>The program's version.</summary>
internal static class EdgeVersion
{
    /// <summary>The version's text, such as <c>0.1.0</c>.</summary>
    public static string Text { get; } =
        typeof(EdgeVersion).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion.Split('+')[0]
        ?? "0.0.0";
}
