namespace Edge.Settings;

/// <summary>A setting that stops the start; the message is one line with its name, its value and what is allowed.</summary>
internal sealed class SettingsException : Exception
{
    public SettingsException(string name, string? value, string allowed)
        : base(value is null ? $"{name}: {allowed}" : $"{name} = \"{OneLine(value)}\": {allowed}")
    {
    }

    private static string OneLine(string value)
    {
        var line = value.ReplaceLineEndings(" ");
        return line.Length <= 200 ? line : $"{line[..200]}…";
    }
}
