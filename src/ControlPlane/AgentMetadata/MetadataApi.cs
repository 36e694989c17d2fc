using ControlPlane.Agents;
using ControlPlane.Http;
using Microsoft.AspNetCore.Http;

namespace ControlPlane.AgentMetadata;

/// <summary>
/// <c>POST me/metadata</c>, several values, and the older <c>POST me/metadata/{key}</c>, one: paths of agents of the ages of S3 and S4 that
/// their documents leave out.
/// </summary>
internal sealed class MetadataApi(MetadataStore store, ControlPlaneOptions options)
{
    public const string KeyParameter = "key";

    public async Task PostAsync(HttpContext context, Agent agent)
    {
        if (await RequestBody.ReadAsync(context, MetadataJson.Wire.PostMetadataRequest, options.MaxRequestBodyBytes) is { } request)
        {
            await StoreAsync(
                context, agent, [.. (request.Metadata ?? []).Select(static one => new MetadataValue(one?.Key ?? "", one?.Value ?? "", one?.Error ?? ""))]);
        }
    }

    public async Task PostKeyAsync(HttpContext context, Agent agent)
    {
        var key = context.Request.RouteValues[KeyParameter] as string ?? "";
        if (await RequestBody.ReadAsync(context, MetadataJson.Wire.PostedMetadata, options.MaxRequestBodyBytes) is { } request)
        {
            await StoreAsync(context, agent, [new MetadataValue(key, request.Value ?? "", request.Error ?? "")]);
        }
    }

    private async Task StoreAsync(HttpContext context, Agent agent, IReadOnlyCollection<MetadataValue> values)
    {
        if (values.Any(static value => value.Key.Length is 0 or > MetadataStore.MaxKeyCharacters))
        {
            await context.WriteAsync(
                StatusCodes.Status400BadRequest,
                ApiError.ValidationFailed(new ApiValidation(KeyParameter, $"One to {MetadataStore.MaxKeyCharacters} characters.")));
        }
        else if (values.Count == 0 || await store.SetAsync(agent.Id, values, context.RequestAborted))
        {
            context.Response.StatusCode = StatusCodes.Status204NoContent;
        }
        else
        {
            await context.WriteAsync(
                StatusCodes.Status413PayloadTooLarge,
                new ApiError("Metadata limit exceeded", $"An agent may have {options.MaxMetadataPerAgent} metadata keys."));
        }
    }
}

/// <summary>The body of <c>POST me/metadata</c>.</summary>
internal sealed class PostMetadataRequest
{
    /// <summary>The values. All are stored or none.</summary>
    public List<PostedMetadata?>? Metadata { get; set; }
}

/// <summary>A value as sent. Time and age must be such, but the server's time is stored. The key is in the path of the older form.</summary>
internal sealed class PostedMetadata
{
    /// <summary>The value's key: 1 to 128 characters. Not read where it is in the path.</summary>
    public string? Key { get; set; }

    /// <summary>A time, if it is there; the server's is stored.</summary>
    public DateTimeOffset? CollectedAt { get; set; }

    /// <summary>Seconds since it was collected; not used.</summary>
    public long? Age { get; set; }

    /// <summary>The value, cut after 2,048 bytes.</summary>
    public string? Value { get; set; }

    /// <summary>Why there is no value, cut after 2,048 bytes; empty: there is one.</summary>
    public string? Error { get; set; }
}
