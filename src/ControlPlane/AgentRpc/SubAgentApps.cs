using System.Security.Cryptography;
using System.Text;
using System.Text.RegularExpressions;
using ControlPlane.Declarations;
using ControlPlane.Http;
using AppError = Tailnet.AgentMessages.CreateSubAgentResponse.Types.AppCreationError;
using NewApp = Tailnet.AgentMessages.CreateSubAgentRequest.Types.App;

namespace ControlPlane.AgentRpc;

/// <summary>
/// Validates the apps that an agent requests for a sub-agent. The sub-agent is created even if an app is invalid (tailnet.md §5). Pure.
/// </summary>
internal static partial class SubAgentApps
{
    private const int MaxText = 4096;

    /// <summary>Returns the valid apps with the slugs to store, and the errors of the other apps.</summary>
    public static (List<(string Slug, NewApp App)> Apps, List<AppError> Errors) Check(string agentName, IReadOnlyList<NewApp> requested)
    {
        var (apps, errors, slugs) = (new List<(string, NewApp)>(), new List<AppError>(), new HashSet<string>(StringComparer.Ordinal));
        foreach (var (index, app) in requested.Index())
        {
            if (Refusal(app, slugs) is var (field, error))
            {
                errors.Add(new AppError { Index = index, Field = field, Error = error });
            }
            else
            {
                apps.Add((StoredSlug(agentName, app.Slug), app));
            }
        }

        return (apps, errors);
    }

    /// <summary>
    /// The slug with a hash of it and the sub-agent's name as its prefix. Slugs must be unique in a workspace, and sub-agents may have
    /// equal apps.
    /// </summary>
    internal static string StoredSlug(string agentName, string slug)
    {
        const string alphabet = "0123456789abcdefghijklmnopqrstuv";
        var hash = SHA256.HashData(Encoding.UTF8.GetBytes($"{agentName}/{slug}"));

        // Eight digits of base 32, of five bits each, the highest first.
        var bits = hash[..5].Aggregate(0L, static (sum, next) => (sum << 8) | next);
        return string.Create(8, bits, static (text, bits) =>
        {
            for (var i = text.Length - 1; i >= 0; i--, bits >>= 5)
            {
                text[i] = alphabet[(int)(bits & 31)];
            }
        }) + "-" + slug;
    }

    /// <summary>Converts a valid app to a declaration.</summary>
    public static AgentApp Declare(string slug, NewApp app) => new()
    {
        Id = Secrets.NewUuid(),
        Slug = slug,
        DisplayName = app.DisplayName,
        Url = app.Url,
        External = app.External,
        Command = app.Command,
        Icon = app.Icon,
        Subdomain = app.Subdomain,
        SharingLevel = app.Share switch
        {
            NewApp.Types.SharingLevel.Authenticated => "authenticated",
            NewApp.Types.SharingLevel.Public => "public",
            NewApp.Types.SharingLevel.Organization => "organization",
            _ => "owner",
        },
        HealthcheckUrl = app.Healthcheck?.Url ?? "",
        HealthcheckInterval = app.Healthcheck?.Interval ?? 0,
        HealthcheckThreshold = app.Healthcheck?.Threshold ?? 0,
        Group = app.Group,
        Hidden = app.Hidden,
        OpenIn = app.OpenIn is NewApp.Types.OpenIn.Tab ? "tab" : "slim-window",
    };

    private static (string Field, string Error)? Refusal(NewApp app, HashSet<string> slugs) =>
        app.Slug.Length == 0 ? ("slug", "must not be empty")
        : app.Slug.Length > MaxText || !SlugPattern().IsMatch(app.Slug)
            ? ("slug", $"\"{Truncate(app.Slug)}\" does not match regex \"^[a-z0-9](-?[a-z0-9])*$\"")
        : !slugs.Add(app.Slug) ? ("slug", $"\"{app.Slug}\" is already in use")
        : !Enum.IsDefined(app.Share) ? ("share", $"\"{(int)app.Share}\" is not a valid app sharing level")
        : !Enum.IsDefined(app.OpenIn) ? ("open_in", $"\"{(int)app.OpenIn}\" is not an open in setting")
        : Texts(app).Any(static text => text.Length > MaxText) ? ("url", "a text is too long")
        : null;

    private static string Truncate(string slug) => slug.Length <= 64 ? slug : slug[..64] + "…";

    private static IEnumerable<string> Texts(NewApp app) =>
        [app.Command, app.DisplayName, app.Group, app.Icon, app.Url, app.Healthcheck?.Url ?? ""];

    [GeneratedRegex(@"\A[a-z0-9](-?[a-z0-9])*\z", RegexOptions.CultureInvariant)]
    private static partial Regex SlugPattern();
}
