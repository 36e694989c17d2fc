using Edge.Settings;

namespace Edge.Hosting;

/// <summary>Where settings come from: appsettings.json beside the assembly, then the environment, then the command line.</summary>
internal static class EdgeConfiguration
{
    /// <summary>The sections that are this program's.</summary>
    public static readonly string[] Sections =
        ["Edge", "Relay", "ControlPlane", "Kestrel", "ReverseProxy", "Logging", "urls"];

    public static ConfigurationManager Load(string[] args)
    {
        CheckCommandLine(args);
        var configuration = new ConfigurationManager();
        configuration.SetBasePath(AppContext.BaseDirectory);
        try
        {
            ((IConfigurationBuilder)configuration).Add(
                new SettingsFileSource { Path = "appsettings.json", Optional = true, ReloadOnChange = true });
        }
        catch (InvalidDataException error)
        {
            throw new SettingsException("appsettings.json", null, error.InnerException?.Message ?? error.Message);
        }

        configuration.AddEnvironmentVariables("ASPNETCORE_");
        configuration.AddEnvironmentVariables();
        configuration.AddCommandLine(args);
        return configuration;
    }

    // A key that is misspelt in its first part would otherwise be a setting of nobody, and silently do nothing.
    private static void CheckCommandLine(string[] args)
    {
        try
        {
            foreach (var child in new ConfigurationBuilder().AddCommandLine(args).Build().GetChildren())
            {
                if (!Sections.Contains(child.Key, StringComparer.OrdinalIgnoreCase))
                {
                    throw new SettingsException($"--{child.Key}", null, $"no such setting; settings begin with {string.Join(", ", Sections)}");
                }
            }
        }
        catch (FormatException error)
        {
            throw new SettingsException("command line", null, error.Message);
        }

        var stray = args.Where(static (_, index) => index == 0).FirstOrDefault(static arg => !arg.StartsWith('-') && !arg.StartsWith('/') && !arg.Contains('='));
        if (stray is not null)
        {
            throw new SettingsException("command line", stray, "no such command; there are admin, agent, healthcheck and --help, and settings such as --Edge:Mode=edge");
        }
    }
}
