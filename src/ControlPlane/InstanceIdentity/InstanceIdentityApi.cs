using ControlPlane.Http;
using Microsoft.AspNetCore.Http;

namespace ControlPlane.InstanceIdentity;

/// <summary>
/// <c>POST aws-instance-identity</c>, <c>azure-instance-identity</c> and <c>google-instance-identity</c>: exchange an instance's signed
/// identity for its agent's token (tailnet.md §1.3-3). The routes need no credentials, so that nothing is read from the database before the
/// identity is verified.
/// </summary>
internal sealed class InstanceIdentityApi(
    AwsIdentity aws, AzureIdentity azure, GoogleIdentity google, InstanceBindingStore bindings, ControlPlaneOptions options)
{
    private static readonly InstanceIdentityJson Json = InstanceIdentityJson.Wire;

    public async Task PostAwsAsync(HttpContext context)
    {
        if (await RequestBody.ReadAsync(context, Json.AwsIdentityRequest, options.InstanceIdentity.MaxBodyBytes) is { } request
            && await HasAsync(context, ("document", request.Document), ("signature", request.Signature)))
        {
            await ExchangeAsync(context, Cloud.Aws, aws.Verify(request.Document!, request.Signature!), request.AgentName);
        }
    }

    public async Task PostAzureAsync(HttpContext context)
    {
        if (await RequestBody.ReadAsync(context, Json.AzureIdentityRequest, options.InstanceIdentity.MaxBodyBytes) is { } request
            && await HasAsync(context, ("encoding", request.Encoding), ("signature", request.Signature)))
        {
            await ExchangeAsync(context, Cloud.Azure, azure.Verify(request.Signature!), request.AgentName);
        }
    }

    public async Task PostGoogleAsync(HttpContext context)
    {
        if (await RequestBody.ReadAsync(context, Json.GoogleIdentityRequest, options.InstanceIdentity.MaxBodyBytes) is { } request
            && await HasAsync(context, ("json_web_token", request.JsonWebToken)))
        {
            await ExchangeAsync(context, Cloud.Google, await google.VerifyAsync(request.JsonWebToken!), request.AgentName);
        }
    }

    private static async Task<bool> HasAsync(HttpContext context, params (string Field, string? Value)[] fields)
    {
        var missing = fields
            .Where(static field => string.IsNullOrEmpty(field.Value))
            .Select(static field => new ApiValidation(field.Field, "Validation failed for tag \"required\""))
            .ToArray();
        if (missing.Length > 0)
        {
            await context.WriteAsync(StatusCodes.Status400BadRequest, ApiError.ValidationFailed(missing));
        }

        return missing.Length == 0;
    }

    private async Task ExchangeAsync(HttpContext context, Cloud cloud, IdentityVerdict verdict, string? agentName)
    {
        switch (verdict.Outcome)
        {
            case IdentityOutcome.Invalid:
                await context.WriteAsync(
                    StatusCodes.Status401Unauthorized,
                    new ApiError($"Invalid {NameOf(cloud)} identity.", verdict.Text));
                return;
            case IdentityOutcome.NoInstance:
                await context.WriteAsync(
                    StatusCodes.Status400BadRequest,
                    new ApiError(
                        cloud == Cloud.Google ? "Error decoding JWT claims." : "Error decoding the identity document.",
                        verdict.Text));
                return;
            case IdentityOutcome.Unavailable:
                context.Response.Headers.RetryAfter = "5";
                await context.WriteAsync(
                    StatusCodes.Status503ServiceUnavailable,
                    new ApiError("The identity cannot be verified.", verdict.Text));
                return;
        }

        var exchange = await bindings.ExchangeAsync(cloud, verdict.Text, agentName, context.RequestAborted);
        if (exchange.Token is { } token)
        {
            await context.WriteAsync(StatusCodes.Status200OK, new InstanceSession(token.ToString("D")), Json.InstanceSession);
        }
        else if (exchange.IsAmbiguous)
        {
            await context.WriteAsync(
                StatusCodes.Status409Conflict,
                new ApiError(
                    $"Several agents are bound to the instance with id \"{verdict.Text}\".",
                    "The field agent_name must name one of them."));
        }
        else
        {
            await context.WriteAsync(
                StatusCodes.Status404NotFound,
                new ApiError(string.IsNullOrEmpty(agentName)
                    ? $"Instance with id \"{verdict.Text}\" not found."
                    : $"Instance with id \"{verdict.Text}\" and agent \"{agentName}\" not found."));
        }
    }

    private static string NameOf(Cloud cloud) => cloud switch
    {
        Cloud.Aws => "AWS",
        Cloud.Azure => "Azure",
        _ => "GCP",
    };
}
