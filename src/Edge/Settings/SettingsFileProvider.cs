using Microsoft.Extensions.Configuration.Json;

namespace Edge.Settings;

/// <summary>
/// A JSON file of settings. When a change makes it unreadable, the settings stay as they were. .NET's own provider would remove
/// them.
/// </summary>
internal sealed class SettingsFileProvider(JsonConfigurationSource source) : JsonConfigurationProvider(source)
{
    private bool _wasRead;

    /// <summary>The reason why the file cannot be read at present; null when it can.</summary>
    public string? Fault { get; private set; }

    public override void Load(Stream stream)
    {
        try
        {
            base.Load(stream);
            Fault = null;
        }
        catch (FormatException error) when (_wasRead)
        {
            Fault = error.InnerException?.Message ?? error.Message;
        }

        _wasRead = true;
    }
}

/// <summary>Adds a <see cref="SettingsFileProvider"/> to a configuration.</summary>
internal sealed class SettingsFileSource : JsonConfigurationSource
{
    public override IConfigurationProvider Build(IConfigurationBuilder builder)
    {
        EnsureDefaults(builder);
        return new SettingsFileProvider(this);
    }
}
