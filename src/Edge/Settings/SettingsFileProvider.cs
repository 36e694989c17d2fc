using Microsoft.Extensions.Configuration.Json;

namespace Edge.Settings;

/// <summary>
/// A JSON file of settings. When it cannot be read while the node runs, the settings stay as they were; the framework's own provider would empty them.
/// </summary>
internal sealed class SettingsFileProvider(JsonConfigurationSource source) : JsonConfigurationProvider(source)
{
    private bool _wasRead;

    /// <summary>Why the file as it is now cannot be read; null when it can.</summary>
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
