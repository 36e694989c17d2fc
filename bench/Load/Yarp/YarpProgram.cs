using System.Globalization;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Yarp.ReverseProxy.Configuration;

namespace Load.Yarp;

/// <summary>The process <c>Load yarp PORT BACKEND-PORT</c>: YARP alone, as its documentation sets it up.</summary>
internal static class YarpProgram
{
    public static void Run(int port, int backend)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.Services.AddReverseProxy().LoadFromMemory(
            [new RouteConfig { RouteId = "all", ClusterId = "backend", Match = new RouteMatch { Path = "{**path}" } }],
            [
                new ClusterConfig
                {
                    ClusterId = "backend",
                    Destinations = new Dictionary<string, DestinationConfig>
                    {
                        ["one"] = new() { Address = string.Create(CultureInfo.InvariantCulture, $"http://127.0.0.1:{backend}") },
                    },
                },
            ]);
        using var application = builder.Build();
        application.Urls.Add(string.Create(CultureInfo.InvariantCulture, $"http://127.0.0.1:{port}"));
        application.MapReverseProxy();
        application.Run();
    }
}
