using ControlPlane.Http;
using Microsoft.AspNetCore.Http;

namespace ControlPlane.Users;

/// <summary><c>GET /users/me</c>.</summary>
internal sealed class UsersApi(UserStore users)
{
    public async Task GetMeAsync(HttpContext context, User user)
    {
        var (organizations, roles) = await users.MembershipsAsync(user.Id);
        var view = new UserView(
            user.Id,
            user.Username,
            user.Name,
            user.Email,
            user.CreatedAt,
            user.UpdatedAt,
            user.LastSeenAt,
            user.Status,
            user.LoginType,
            organizations,
            roles.ConvertAll(static role => new RoleView(role, DisplayName(role))));
        await context.WriteAsync(StatusCodes.Status200OK, view, UsersJson.Wire.UserView);
    }

    // "user-admin" is shown as "User Admin".
    private static string DisplayName(string role) =>
        string.Join(' ', role.Split('-', StringSplitOptions.RemoveEmptyEntries).Select(static word => char.ToUpperInvariant(word[0]) + word[1..]));
}

/// <summary>The API's user.</summary>
/// <param name="Id">The user's id.</param>
/// <param name="Username">The user's name.</param>
/// <param name="Name">What people call the user.</param>
/// <param name="Email">The user's address of mail.</param>
/// <param name="CreatedAt">When the user was made.</param>
/// <param name="UpdatedAt">When the user was last changed.</param>
/// <param name="LastSeenAt">When a token of the user's was last used.</param>
/// <param name="Status">Whether the user's tokens are good: only those of an active one are.</param>
/// <param name="LoginType">How the user signs in.</param>
/// <param name="OrganizationIds">The ids of the user's organizations.</param>
/// <param name="Roles">The user's site-wide roles.</param>
internal sealed record UserView(
    Guid Id,
    string Username,
    string Name,
    string Email,
    DateTimeOffset CreatedAt,
    DateTimeOffset UpdatedAt,
    DateTimeOffset LastSeenAt,
    string Status,
    string LoginType,
    IReadOnlyList<Guid> OrganizationIds,
    IReadOnlyList<RoleView> Roles);

/// <summary>A site-wide role.</summary>
/// <param name="Name">The role's name.</param>
/// <param name="DisplayName">What people call it.</param>
internal sealed record RoleView(string Name, string DisplayName);
