using ControlPlane.Hosting;
using Microsoft.Extensions.DependencyInjection;

namespace ControlPlane.Storage;

/// <summary>Registers the database, its health check and its change notices.</summary>
internal static class StorageRegistration
{
    public static IServiceCollection AddStorage(this IServiceCollection services, ControlPlaneOptions options) => services
        .AddSingleton(_ => new Database(DatabaseEngine.For(options)))
        .AddHosted<DatabaseHealth>()
        .AddHosted<ChangeNotices>();
}
