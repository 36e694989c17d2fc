using System.Text.RegularExpressions;

namespace ControlPlane.ExternalAuth;

/// <summary>The configured providers, in their order; of several that match, the first is it.</summary>
internal sealed class ExternalAuthProviders(ControlPlaneOptions options)
{
    public IReadOnlyList<ExternalAuthProvider> All { get; } = options.ExternalAuth;

    public ExternalAuthProvider? FindById(string id) => All.FirstOrDefault(provider => provider.Id == id);

    public ExternalAuthProvider? Match(string text) => All.FirstOrDefault(provider => provider.Pattern is { } pattern && IsMatch(pattern, text));

    private static bool IsMatch(Regex pattern, string text)
    {
        try
        {
            return pattern.IsMatch(text);
        }
        catch (RegexMatchTimeoutException)
        {
            // A text that takes this long is no address of a repository.
            return false;
        }
    }
}
