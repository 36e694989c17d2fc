using ControlPlane.Http;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;

namespace ControlPlane.Users;

/// <summary>Registers users and their authentication.</summary>
internal static class UsersRegistration
{
    public static IServiceCollection AddUsers(this IServiceCollection services) => services
        .AddSingleton<UserStore>()
        .AddSingleton<UserAuthentication>()
        .AddSingleton<UsersApi>();

    public static void MapUsers(this IEndpointRouteBuilder routes)
    {
        var authentication = routes.ServiceProvider.GetRequiredService<UserAuthentication>();
        var users = routes.ServiceProvider.GetRequiredService<UsersApi>();
        routes.MapRoute(ApiRoutes.Root + "/users/me", HttpMethods.Get, authentication.Session(users.GetMeAsync));
    }
}
