using Edge.Settings;

namespace Edge.Administration;

/// <summary>Standard input: for files named <c>-</c> and for answers to questions.</summary>
/// <param name="Open">Opens the input. The console changes the terminal's state then, so it is opened only when needed.</param>
/// <param name="CanAsk">Whether the input is a terminal.</param>
internal sealed record AdminInput(Func<TextReader> Open, bool CanAsk)
{
    /// <summary>The standard input of this process.</summary>
    public static AdminInput Standard => new(static () => Console.In, !Console.IsInputRedirected);

    /// <summary>Reads a file, or the input for <c>-</c>.</summary>
    /// <param name="option">The option that names the file, for the error.</param>
    /// <param name="file">The file's path.</param>
    /// <exception cref="SettingsException">The file cannot be read.</exception>
    public string Read(string option, string file)
    {
        try
        {
            return file == "-" ? Open().ReadToEnd() : File.ReadAllText(file);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException or ArgumentException)
        {
            throw new SettingsException(option, file, $"the file cannot be read ({error.Message})");
        }
    }
}
