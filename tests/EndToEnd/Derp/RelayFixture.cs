namespace EndToEnd.Derp;

/// <summary>One relay for the tests of a class, which run one after another; its clock stands still unless a test moves it.</summary>
public sealed class RelayFixture : IAsyncLifetime
{
    public const string MeshKey = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

    private readonly TemporaryDirectory _directory = new();

    public ManualTimeProvider Clock { get; } = new();

    public Uri Url => Node.PublicUrl;

    internal TestNode Node { get; private set; } = null!;

    public async ValueTask InitializeAsync()
    {
        File.WriteAllText(_directory.File("mesh.key"), MeshKey);
        Node = await TestNode.StartAsync(
            Clock,
            waitUntilReady: true,
            "Edge:Mode=relay",
            "Edge:ShutdownTimeout=3s",
            "Relay:Stun:Enabled=false",
            $"Relay:Derp:MeshKeyFile={_directory.File("mesh.key")}");
    }

    /// <summary>Those of the test before have left.</summary>
    public Task EmptyAsync() => Node.MetricIsAsync("derp_current_connections 0");

    public async ValueTask DisposeAsync()
    {
        await Node.DisposeAsync();
        _directory.Dispose();
    }
}
