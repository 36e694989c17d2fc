using Edge.Authentication;
using Microsoft.AspNetCore.Http.Features;

namespace Edge.Derp.Admission;

/// <summary>
/// Lets requests for DERP pass only with a valid token, in the header, or in the query for browsers. It knows nothing of keys: who has a
/// token may use any.
/// </summary>
internal sealed class DerpTokenGate(RequestDelegate next, TokenCheck tokens, AdmissionMetrics metrics)
{
    public async Task InvokeAsync(HttpContext context)
    {
        if (!AsksForDerp(context))
        {
            await next(context);
            return;
        }

        // Several headers: which one counts is a matter of taste, so none does.
        var verdict = context.Request.Headers.Authorization.Count > 1 ? TokenVerdict.Invalid : (await tokens.VerifyAsync(context)).Verdict;
        metrics.Decided(AdmissionSource.Jwt, verdict switch
        {
            TokenVerdict.Valid => AdmissionVerdict.Admitted,
            TokenVerdict.Unavailable => AdmissionVerdict.Unreachable,
            _ => AdmissionVerdict.Refused,
        });
        await (verdict is TokenVerdict.Valid ? next(context) : tokens.RefuseAsync(context, verdict));
    }

    // Every request that could become a DERP connection, and a few that could not: pages need no token, upgrades do.
    private static bool AsksForDerp(HttpContext context) =>
        context.Request.Path.StartsWithSegments("/derp", StringComparison.OrdinalIgnoreCase)
        && (context.Request.Headers.Upgrade.Count > 0 || context.Features.Get<IHttpUpgradeFeature>() is { IsUpgradableRequest: true });
}
