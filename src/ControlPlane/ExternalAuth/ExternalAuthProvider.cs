using System.Text.RegularExpressions;

namespace ControlPlane.ExternalAuth;

/// <summary>
/// Another service (a git host, say) for which agents get a token of their workspace's owner (tailnet.md §1.3-9).
/// </summary>
public sealed record ExternalAuthProvider
{
    /// <summary>How long one pattern may look at one text before it counts as not matching.</summary>
    public static readonly TimeSpan MatchTimeout = TimeSpan.FromSeconds(1);

    /// <summary>What <c>?id=</c> names, unique; letters, digits, <c>-</c> and <c>_</c>.</summary>
    public required string Id { get; init; }

    /// <summary>
    /// What kind of service it is, as the API names them: <c>github</c>, <c>gitlab</c>, <c>bitbucket-cloud</c> … It decides how user name
    /// and password are made of a token.
    /// </summary>
    public required string Type { get; init; }

    /// <summary>What <c>?match=</c> must match, made by <see cref="CompilePattern"/>; null: found only by id.</summary>
    public Regex? Pattern { get; init; }

    /// <summary>What people call it. Default: <see cref="Id"/>.</summary>
    public string DisplayName
    {
        get => field ?? Id;
        init;
    }

    /// <summary>The page that a user without a token is sent to; null only where <see cref="TokenFile"/> has one for everybody.</summary>
    public Uri? LinkUrl { get; init; }

    /// <summary>
    /// A file with one token that every user of this server gets, read at each use, so that it may be replaced. Null: each user's own
    /// token, from the store.
    /// </summary>
    public string? TokenFile { get; init; }

    /// <summary>The expression as it is used here: in time linear to the text, so without look-around and back references.</summary>
    /// <exception cref="ArgumentException">It is no such expression.</exception>
    public static Regex CompilePattern(string pattern)
    {
        try
        {
            return new Regex(pattern, RegexOptions.NonBacktracking | RegexOptions.CultureInvariant, MatchTimeout);
        }
        catch (NotSupportedException exception)
        {
            throw new ArgumentException(exception.Message, nameof(pattern), exception);
        }
    }
}
