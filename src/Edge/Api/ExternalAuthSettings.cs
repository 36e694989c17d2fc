using System.Text.RegularExpressions;
using ControlPlane.ExternalAuth;
using Edge.Settings;

namespace Edge.Api;

/// <summary><c>ControlPlane:ExternalAuth:&lt;n&gt;</c>: the services whose tokens agents get from the embedded API server.</summary>
internal static class ExternalAuthSettings
{
    private const string Section = "ControlPlane:ExternalAuth";
    private const int MaxNameCharacters = 64;

    public static IReadOnlyList<ExternalAuthProvider> Read(SettingsReader settings, string workingDirectory)
    {
        var providers = new List<ExternalAuthProvider>();
        foreach (var entry in settings.Children(Section))
        {
            var provider = ReadOne(settings, $"{Section}:{entry}", workingDirectory);
            if (providers.Any(other => other.Id == provider.Id))
            {
                throw new SettingsException($"{Section}:{entry}:Id", provider.Id, "another provider has this id");
            }

            providers.Add(provider);
        }

        return providers;
    }

    private static ExternalAuthProvider ReadOne(SettingsReader settings, string section, string workingDirectory)
    {
        var id = Name(settings, $"{section}:Id");
        var tokenFile = settings.Text($"{section}:TokenFile");
        var linkUrl = LinkUrl(settings, $"{section}:LinkUrl");
        if ((tokenFile is null) == (linkUrl is null))
        {
            throw new SettingsException(
                section,
                null,
                "a provider has either LinkUrl, where users without a token are sent, or TokenFile, with one token for all users");
        }

        return new ExternalAuthProvider
        {
            Id = id,
            Type = Name(settings, $"{section}:Type"),
            Pattern = Pattern(settings, $"{section}:Regex"),
            DisplayName = settings.Text($"{section}:DisplayName") ?? id,
            LinkUrl = linkUrl,
            TokenFile = tokenFile is null ? null : Path.GetFullPath(tokenFile, workingDirectory),
        };
    }

    private static string Name(SettingsReader settings, string name) => settings.Text(name) is { Length: <= MaxNameCharacters } text
        && text.All(static letter => char.IsAsciiLetterOrDigit(letter) || letter is '-' or '_')
            ? text
            : throw new SettingsException(
                name, settings.Text(name), $"allowed are 1 to {MaxNameCharacters} letters, digits, - and _");

    private static Regex? Pattern(SettingsReader settings, string name)
    {
        if (settings.Text(name) is not { } text)
        {
            return null;
        }

        try
        {
            return ExternalAuthProvider.CompilePattern(text);
        }
        catch (ArgumentException exception)
        {
            throw new SettingsException(
                name, text, $"allowed is a regular expression without look-around and back references: {exception.Message}");
        }
    }

    private static Uri? LinkUrl(SettingsReader settings, string name)
    {
        var text = settings.Text(name);
        return text is null ? null
            : Uri.TryCreate(text, UriKind.Absolute, out var url) && url.Scheme is "http" or "https" ? url
            : throw new SettingsException(name, text, "allowed is an http or https URL");
    }
}
