using System.Diagnostics;
using EndToEnd;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

/// <summary>
/// Code that a real process runs before its Main when <c>DOTNET_STARTUP_HOOKS</c> names this assembly. It adds a background service
/// to the hosts, which fails as soon as a certain file exists. The runtime looks for a class of this name outside every namespace.
/// </summary>
#pragma warning disable CA1050 // The name is the runtime's.
internal static class StartupHook
#pragma warning restore CA1050
{
    public const string TriggerVariable = "EDGE_TEST_FAILURE";

    public static void Initialize()
    {
        if (Environment.GetEnvironmentVariable(TriggerVariable) is { } file)
        {
            DiagnosticListener.AllListeners.Subscribe(new Listeners(file));
        }
    }

    private static async Task WaitForAsync(string file)
    {
        while (!File.Exists(file))
        {
            await Task.Delay(50);
        }
    }

    private sealed class Listeners(string file) : IObserver<DiagnosticListener>, IObserver<KeyValuePair<string, object?>>
    {
        public void OnNext(DiagnosticListener value)
        {
            if (value.Name == "Microsoft.Extensions.Hosting")
            {
                value.Subscribe(this);
            }
        }

        public void OnNext(KeyValuePair<string, object?> value)
        {
            if (value is { Key: "HostBuilding", Value: IHostBuilder host })
            {
                host.ConfigureServices(services =>
                    services.AddSingleton<IHostedService>(new HostFailureTests.FailingService(WaitForAsync(file))));
            }
        }

        public void OnCompleted()
        {
        }

        public void OnError(Exception error)
        {
        }
    }
}
