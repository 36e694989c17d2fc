using ControlPlane.Hosting;
using Microsoft.Extensions.DependencyInjection;

namespace ControlPlane.Storage;

/// <summary>The database and what watches it.</summary>
internal static class StorageRegistration
{
    public static IServiceCollection AddStorage(this IServiceCollection services, ControlPlaneOptions options) => services
        .AddSingleton(_ => new Database(DatabaseEngine.For(options)))
        .AddHosted<DatabaseHealth>()
        .AddHosted<ChangeNotices>();
}
