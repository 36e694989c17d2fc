using ControlPlane.Agents;
using ControlPlane.Http;
using Microsoft.AspNetCore.Http;

namespace ControlPlane.AgentMetadata;

/// <summary>
/// <c>POST me/metadata</c> with several values, and the older <c>POST me/metadata/{key}</c> with one. Agents from v0.20 to v2.8 need these
/// paths, although the API documents of these versions do not have them.
/// </summary>
internal sealed class MetadataApi(MetadataStore store, ControlPlaneOptions options)
{
    public const string KeyParameter = "key";

    public async Task PostAsync(HttpContext context, Agent agent)
    {
        if (await RequestBody.ReadAsync(context, MetadataJson.Wire.PostMetadataRequest, options.MaxRequestBodyBytes) is { } request)
        {
            var values = (request.Metadata ?? [])
                .Select(static one => new MetadataValue(one?.Key ?? "", one?.Value ?? "", one?.Error ?? ""));
            await StoreAsync(context, agent, [.. values]);
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
                ApiError.ValidationFailed(new ApiValidation(KeyParameter, $"must have 1 to {MetadataStore.MaxKeyCharacters} characters")));
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
    /// <summary>The values, which are stored all together or not at all.</summary>
    public List<PostedMetadata?>? Metadata { get; set; }
}

/// <summary>A metadata value. The server's time of receipt is stored in place of the agent's times.</summary>
internal sealed class PostedMetadata
{
    /// <summary>The key: 1 to 128 characters. Ignored where the path contains the key.</summary>
    public string? Key { get; set; }

    /// <summary>The time of collection; ignored.</summary>
    public DateTimeOffset? CollectedAt { get; set; }

    /// <summary>The seconds since the collection; ignored.</summary>
    public long? Age { get; set; }

    /// <summary>The value, truncated to 2,048 bytes.</summary>
    public string? Value { get; set; }

    /// <summary>The error of the collection, truncated to 2,048 bytes; empty for none.</summary>
    public string? Error { get; set; }
}
