using Edge.Authentication;
using Microsoft.AspNetCore.Http.Features;

namespace Edge.Derp.Admission;

/// <summary>
/// Requires a valid token in requests for DERP: in the header, or in the query for browsers. The token is not bound to a node
/// key: its holder may use any key.
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

        // Servers differ in which of several headers they use, so several are refused.
        var verdict = context.Request.Headers.Authorization.Count > 1
            ? TokenVerdict.Invalid
            : (await tokens.VerifyAsync(context)).Verdict;
        metrics.Decided(AdmissionSource.Jwt, verdict switch
        {
            TokenVerdict.Valid => AdmissionVerdict.Admitted,
            TokenVerdict.Unavailable => AdmissionVerdict.Unreachable,
            _ => AdmissionVerdict.Refused,
        });
        await (verdict is TokenVerdict.Valid ? next(context) : tokens.RefuseAsync(context, verdict));
    }

    // Every request that could become a DERP connection needs a token, including some that cannot. Pages under /derp need none.
    private static bool AsksForDerp(HttpContext context) =>
        context.Request.Path.StartsWithSegments("/derp", StringComparison.OrdinalIgnoreCase)
        && (context.Request.Headers.Upgrade.Count > 0 || context.Features.Get<IHttpUpgradeFeature>() is { IsUpgradableRequest: true });
}
