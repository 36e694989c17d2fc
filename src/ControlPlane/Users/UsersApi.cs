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

    // "user-admin" becomes "User Admin".
    private static string DisplayName(string role)
    {
        var words = role.Split('-', StringSplitOptions.RemoveEmptyEntries);
        return string.Join(' ', words.Select(static word => char.ToUpperInvariant(word[0]) + word[1..]));
    }
}

/// <summary>The API's form of a user.</summary>
/// <param name="Id">The user's id.</param>
/// <param name="Username">The unique user name.</param>
/// <param name="Name">The user's full name.</param>
/// <param name="Email">The user's email address.</param>
/// <param name="CreatedAt">The time of the user's creation.</param>
/// <param name="UpdatedAt">The time of the user's last change.</param>
/// <param name="LastSeenAt">The last use of one of the user's tokens.</param>
/// <param name="Status">The user's status. Only the tokens of an active user are valid.</param>
/// <param name="LoginType">The way in which the user signs in.</param>
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
/// <param name="DisplayName">The name that user interfaces show.</param>
internal sealed record RoleView(string Name, string DisplayName);
