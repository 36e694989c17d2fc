using System.CommandLine.Parsing;
using System.Diagnostics.CodeAnalysis;
using Edge.Settings;

namespace Edge.Administration;

/// <summary>The URL of a listener: <c>http</c> or <c>https</c>, a host, and no path.</summary>
internal static class ApiAddress
{
    /// <summary>Parses the value of <c>--url</c>.</summary>
    /// <param name="result">The option, which gets the error.</param>
    /// <param name="example">A URL for the error.</param>
    public static Uri? Parse(ArgumentResult result, string example)
    {
        var text = result.Tokens[0].Value;
        if (TryParse(text, out var url))
        {
            return url;
        }

        result.AddError(Refusal("--url", text, example).Message);
        return null;
    }

    /// <summary>Parses a URL.</summary>
    public static bool TryParse(string text, [NotNullWhen(true)] out Uri? url) =>
        Uri.TryCreate(text, UriKind.Absolute, out url) && url.Scheme is "http" or "https" && url.PathAndQuery == "/";

    /// <summary>The error for another text.</summary>
    public static SettingsException Refusal(string name, string text, string example) =>
        new(name, text, $"allowed is a URL such as {example}");
}
