using ControlPlane.Agents;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;

namespace ControlPlane.GitSshKeys;

/// <summary>Registers and maps the users' SSH keys for git.</summary>
internal static class GitSshKeysRegistration
{
    public static IServiceCollection AddGitSshKeys(this IServiceCollection services) => services
        .AddSingleton<GitSshKeyStore>()
        .AddSingleton<GitSshKeyApi>();

    public static void MapGitSshKeys(this IEndpointRouteBuilder routes)
    {
        routes.MapAgent("/gitsshkey", HttpMethods.Get, routes.ServiceProvider.GetRequiredService<GitSshKeyApi>().GetAsync);
    }
}
