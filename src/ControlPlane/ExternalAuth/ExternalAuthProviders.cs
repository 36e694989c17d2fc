using System.Text.RegularExpressions;

namespace ControlPlane.ExternalAuth;

/// <summary>The configured providers, in their order. If several match, the first one counts.</summary>
internal sealed class ExternalAuthProviders(ControlPlaneOptions options)
{
    public IReadOnlyList<ExternalAuthProvider> All { get; } = options.ExternalAuth;

    public ExternalAuthProvider? FindById(string id) => All.FirstOrDefault(provider => provider.Id == id);

    public ExternalAuthProvider? Match(string text) =>
        All.FirstOrDefault(provider => provider.Pattern is { } pattern && IsMatch(pattern, text));

    private static bool IsMatch(Regex pattern, string text)
    {
        try
        {
            return pattern.IsMatch(text);
        }
        catch (RegexMatchTimeoutException)
        {
            // Only a text that is not a repository's URL takes this long.
            return false;
        }
    }
}
