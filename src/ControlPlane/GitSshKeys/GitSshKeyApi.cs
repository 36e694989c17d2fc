using ControlPlane.Agents;
using ControlPlane.Http;
using Microsoft.AspNetCore.Http;

namespace ControlPlane.GitSshKeys;

/// <summary><c>GET me/gitsshkey</c>.</summary>
internal sealed class GitSshKeyApi(GitSshKeyStore keys)
{
    public async Task GetAsync(HttpContext context, Agent agent)
    {
        var key = await keys.GetAsync(agent.OwnerId, context.RequestAborted);
        await context.WriteAsync(StatusCodes.Status200OK, key, GitSshKeysJson.Wire.GitSshKey);
    }
}
