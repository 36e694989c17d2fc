using System.Text.RegularExpressions;

namespace ControlPlane.ExternalAuth;

/// <summary>
/// An external service, such as a git host, for which agents get a token of their workspace's owner (tailnet.md §1.3-9).
/// </summary>
public sealed record ExternalAuthProvider
{
    /// <summary>The timeout of a pattern's match, which then counts as no match.</summary>
    public static readonly TimeSpan MatchTimeout = TimeSpan.FromSeconds(1);

    /// <summary>The unique id, for <c>?id=</c>: letters, digits, <c>-</c> and <c>_</c>.</summary>
    public required string Id { get; init; }

    /// <summary>
    /// The service's kind by its name in the API: <c>github</c>, <c>gitlab</c>, <c>bitbucket-cloud</c> … It determines the user name and
    /// the password that git sends for a token.
    /// </summary>
    public required string Type { get; init; }

    /// <summary>The pattern for <c>?match=</c>, from <see cref="CompilePattern"/>; null: agents request the service by id only.</summary>
    public Regex? Pattern { get; init; }

    /// <summary>The display name. Default: <see cref="Id"/>.</summary>
    public string DisplayName
    {
        get => field ?? Id;
        init;
    }

    /// <summary>The page where a user without a token gets one; null only with a <see cref="TokenFile"/>.</summary>
    public Uri? LinkUrl { get; init; }

    /// <summary>
    /// A file with one token for all users of this server. It is read at each use, so it may be replaced at any time. Null: each user has a
    /// token of their own in the database.
    /// </summary>
    public string? TokenFile { get; init; }

    /// <summary>Compiles a pattern that matches in linear time, so it may contain neither look-around nor back references.</summary>
    /// <exception cref="ArgumentException">The pattern is invalid, or contains one of these.</exception>
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
