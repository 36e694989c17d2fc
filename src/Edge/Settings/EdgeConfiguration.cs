using System.Text.Json;

namespace Edge.Settings;

/// <summary>Loads the settings from appsettings.json beside the assembly, the environment and the command line, in this order.</summary>
internal static class EdgeConfiguration
{
    /// <summary>The sections of this program.</summary>
    public static readonly string[] Sections =
        ["Edge", "Relay", "ControlPlane", "Kestrel", "ReverseProxy", "Logging", "urls"];

    private const string FileName = "appsettings.json";

    /// <param name="args">The settings of the command line.</param>
    /// <param name="directory">The directory of <c>appsettings.json</c>, which may be missing.</param>
    /// <exception cref="SettingsException">The file cannot be read.</exception>
    public static ConfigurationManager Load(string[] args, string directory)
    {
        var configuration = new ConfigurationManager();
        AddFile(configuration, directory);
        configuration.AddEnvironmentVariables("ASPNETCORE_");
        configuration.AddEnvironmentVariables();
        configuration.AddCommandLine(args);
        return configuration;
    }

    /// <summary>Loads the settings with the file beside the program's assembly.</summary>
    public static ConfigurationManager Load(string[] args) => Load(args, AppContext.BaseDirectory);

    private static void AddFile(ConfigurationManager configuration, string directory)
    {
        var path = Path.Combine(directory, FileName);
        if (Directory.Exists(path))
        {
            throw new SettingsException(path, null, "the path is a directory; a file is needed");
        }

        try
        {
            configuration.SetBasePath(directory);
            ((IConfigurationBuilder)configuration).Add(new SettingsFileSource { Path = FileName, Optional = true, ReloadOnChange = true });
        }
        catch (InvalidDataException error)
        {
            throw new SettingsException(path, null, Why(error));
        }
    }

    private static string Why(InvalidDataException error) => error.GetBaseException() switch
    {
        // JsonException counts lines from zero.
        JsonException { LineNumber: { } line } json => $"line {line + 1} is no JSON ({json.Message.Split(" LineNumber: ")[0]})",
        FormatException format => format.Message,
        var cause => $"the file cannot be read ({cause.Message})",
    };
}
