using ControlPlane.InstanceIdentity;

namespace ControlPlane.Administration;

/// <summary>The body that binds an agent to a cloud instance.</summary>
internal sealed class BindInstance
{
    /// <summary><c>aws</c>, <c>azure</c> or <c>google</c>.</summary>
    public string Cloud { get; set; } = "";

    /// <summary>The cloud's id of the instance: 1 to 256 characters.</summary>
    public string InstanceId { get; set; } = "";
}

/// <summary>The binding of a cloud instance to an agent.</summary>
/// <param name="AgentId">The agent's id.</param>
/// <param name="Cloud">The instance's cloud.</param>
/// <param name="InstanceId">The cloud's id of the instance.</param>
/// <param name="CreatedAt">The time of the binding.</param>
internal sealed record BindingRow(Guid AgentId, string Cloud, string InstanceId, DateTimeOffset CreatedAt);

/// <summary>A page of bindings.</summary>
/// <param name="Bindings">At most <c>limit</c> bindings, from <c>offset</c> on.</param>
/// <param name="Count">The number of all bindings.</param>
internal sealed record BindingList(IReadOnlyList<BindingRow> Bindings, long Count);

/// <summary>Manages the bindings of cloud instances to agents.</summary>
internal sealed class InstanceAdministration(AgentAdministration agents, InstanceBindingStore store)
{
    private const int MaxInstanceId = 256;

    public async Task<BindingList> ListAsync(Page page)
    {
        var all = await store.ListAsync();
        return new BindingList(
            [.. all.Skip(page.Offset).Take(page.Limit).Select(static binding => new BindingRow(
                binding.AgentId, NameOf(binding.Cloud), binding.InstanceId, binding.CreatedAt))],
            all.Count);
    }

    public async Task BindAsync(string agent, BindInstance request, CancellationToken cancellationToken)
    {
        var cloud = Checks.OneOf("cloud", request.Cloud, [.. Enum.GetValues<Cloud>().Select(NameOf)]) switch
        {
            "aws" => Cloud.Aws,
            "azure" => Cloud.Azure,
            _ => Cloud.Google,
        };
        var instance = Checks.Required("instance_id", request.InstanceId, MaxInstanceId);
        if (!await store.BindAsync((await agents.RequireAsync(agent)).Id, cloud, instance, cancellationToken))
        {
            throw RefusedException.NotFound("agent");
        }
    }

    public async Task UnbindAsync(string agent, CancellationToken cancellationToken)
    {
        if (!await store.UnbindAsync((await agents.RequireAsync(agent)).Id, cancellationToken))
        {
            throw RefusedException.NotFound("binding");
        }
    }

    /// <summary>The cloud's name in request bodies and commands.</summary>
    public static string NameOf(Cloud cloud) => cloud.ToString().ToLowerInvariant();
}
