using Peers;

[assembly: AssemblyFixture(typeof(SharedServer))]

namespace Peers;

/// <summary>The node that most tests use, each with agents of its own.</summary>
public sealed class SharedServer : IAsyncLifetime
{
    private EdgeServer? _server;

    internal EdgeServer Server => _server ?? throw new InvalidOperationException("The server has not started.");

    public async ValueTask InitializeAsync() => _server = await EdgeServer.StartAsync();

    public ValueTask DisposeAsync() => _server?.DisposeAsync() ?? ValueTask.CompletedTask;
}
