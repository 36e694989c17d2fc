using ControlPlane.Agents;
using ControlPlane.Http;
using Microsoft.AspNetCore.Http;

namespace ControlPlane.Apps;

/// <summary><c>POST me/app-health</c> and <c>PATCH me/app-status</c> (tailnet.md §1.3-6, -7).</summary>
internal sealed class AppsApi(AppReports reports, ControlPlaneOptions options)
{
    private const string HealthFailed = "Error setting workspace app health";

    public async Task PostHealthAsync(HttpContext context, Agent agent)
    {
        if (await RequestBody.ReadAsync(context, AppsJson.Wire.PostAppHealthRequest, options.MaxRequestBodyBytes) is not { } request)
        {
            return;
        }

        if (request.Healths is not { Count: > 0 } sent)
        {
            await context.WriteAsync(StatusCodes.Status400BadRequest, new ApiError("Health field is empty"));
            return;
        }

        var healths = new Dictionary<Guid, string>();
        foreach (var (key, health) in sent)
        {
            if (!GoUuid.TryParse(key, out var id))
            {
                await context.WriteAsync(
                    StatusCodes.Status400BadRequest,
                    ApiError.ValidationFailed(new ApiValidation("healths", "each name must be an app's id, a UUID")));
                return;
            }

            healths[id] = health ?? "";
        }

        var refusal = await reports.SetHealthsAsync(agent.Id, healths, context.RequestAborted);
        if (refusal is null)
        {
            await context.WriteNullAsync(StatusCodes.Status200OK);
            return;
        }

        var status = refusal.Kind == AppRefusalKind.UnknownHealth ? StatusCodes.Status400BadRequest : StatusCodes.Status404NotFound;
        await context.WriteAsync(status, new ApiError(HealthFailed, refusal.Detail));
    }

    public async Task PatchStatusAsync(HttpContext context, Agent agent)
    {
        if (await RequestBody.ReadAsync(context, AppsJson.Wire.PatchAppStatusRequest, options.MaxRequestBodyBytes) is not { } request)
        {
            return;
        }

        var error = await reports.AddStatusAsync(
            agent.Id, request.AppSlug ?? "", request.State, request.Message ?? "", request.Uri ?? "", context.RequestAborted);
        await (error is null
            ? context.WriteNullAsync(StatusCodes.Status200OK)
            : context.WriteAsync(StatusCodes.Status400BadRequest, error));
    }
}

/// <summary>The body of <c>POST me/app-health</c>.</summary>
internal sealed class PostAppHealthRequest
{
    /// <summary>The healths by the apps' ids, which are stored all together or not at all.</summary>
    public Dictionary<string, string?>? Healths { get; set; }
}

/// <summary>The body of <c>PATCH me/app-status</c>.</summary>
internal sealed class PatchAppStatusRequest
{
    /// <summary>The app's slug.</summary>
    public string? AppSlug { get; set; }

    /// <summary>The state.</summary>
    public string? State { get; set; }

    /// <summary>A description of at most 160 bytes. Markup, escape sequences and control characters are removed.</summary>
    public string? Message { get; set; }

    /// <summary>A link to more information, of at most 2,048 characters.</summary>
    public string? Uri { get; set; }

    /// <summary>Ignored, but its type is checked.</summary>
    public string? Icon { get; set; }

    /// <summary>Ignored, but its type is checked.</summary>
    public bool? NeedsUserAttention { get; set; }
}
