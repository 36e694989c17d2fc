using Edge.Settings;

namespace Edge.Administration;

/// <summary>Standard input: the file named <c>-</c>, and answers to questions.</summary>
/// <param name="Open">Called only when something is read: the console changes the terminal's state when it is opened.</param>
/// <param name="CanAsk">Whether a person is at it.</param>
internal sealed record AdminInput(Func<TextReader> Open, bool CanAsk)
{
    /// <summary>That of this process.</summary>
    public static AdminInput Standard => new(static () => Console.In, !Console.IsInputRedirected);

    /// <summary>A file's text; <c>-</c> is the input.</summary>
    /// <param name="option">The option that names the file, for the error.</param>
    /// <param name="file">Its path.</param>
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
