using System.Reflection;

namespace Edge.Hosting;

/// <summary>The program's own version.</summary>
internal static class EdgeVersion
{
    /// <summary>Such as <c>0.1.0</c>, with the commit behind a <c>+</c> where the build knew it.</summary>
    public static string Text { get; } =
        typeof(EdgeVersion).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion ?? "0.0.0";
}
