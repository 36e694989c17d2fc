using System.Net.Http.Headers;
using System.Text.Json.Nodes;

namespace EndToEnd;

/// <summary>Nodes that mesh with each other, over real connections.</summary>
public class DerpMeshTests
{
    private const string Upgrade = "GET /derp HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: DERP\r\n\r\n";
    private const string Key = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

    [Theory]
    [InlineData(Key)]
    [InlineData("a secret as Coder has them")]
    public async Task ClientsOfTwoNodesReachEachOther(string key)
    {
        using var directory = new TemporaryDirectory();
        await using var detour = new TcpDetour();
        var file = KeyFile(directory, key);
        await using var one = await StartAsync(file, detour.Url);
        await using var two = await StartAsync(file, one.PublicUrl.GetLeftPart(UriPartial.Authority), "http://127.0.0.1:1");
        detour.Target = two.PublicUrl;
        using var a = await DerpPeer.ConnectAsync(one.PublicUrl, Upgrade);
        using var b = await DerpPeer.ConnectAsync(two.PublicUrl, Upgrade);

        await LinkAsync(one, 0, "up", 2);
        await LinkAsync(two, 0, "up", 2);
        await a.SendAsync(b.Key, "there"u8.ToArray());
        Assert.Equal("there"u8.ToArray(), await b.ExpectAsync(a.Key));
        await b.SendAsync(a.Key, "and back"u8.ToArray());
        Assert.Equal("and back"u8.ToArray(), await a.ExpectAsync(b.Key));
        await LinkAsync(two, 1, "down", 0);
        Assert.Contains(two.Log.Lines, static line => line.Contains("mesh link to http://127.0.0.1:1 is down", StringComparison.Ordinal));
        Assert.DoesNotContain(one.Log.Lines.Concat(two.Log.Lines), line => line.Contains(key, StringComparison.Ordinal));
    }

    [Fact]
    public async Task ANodeFindsItselfInTheListAndTheLinkComesBackAfterAPeerDid()
    {
        using var directory = new TemporaryDirectory();
        await using var self = new TcpDetour();
        await using var other = new TcpDetour();
        var file = KeyFile(directory, Key);
        await using var node = await StartAsync(file, self.Url, other.Url);
        self.Target = node.PublicUrl;
        for (var i = 0; i < 2; i++)
        {
            await using var peer = await StartAsync(file);
            using var b = await DerpPeer.ConnectAsync(peer.PublicUrl, Upgrade);
            using var a = await DerpPeer.ConnectAsync(node.PublicUrl, Upgrade);
            other.Target = peer.PublicUrl;
            await LinkAsync(node, 1, "up", 2);
            await a.SendAsync(b.Key, [1]);
            Assert.Equal([1], await b.ExpectAsync(a.Key));
        }

        await LinkAsync(node, 0, "self", 0);
        await LinkAsync(node, 1, "down", 0);
    }

    [Fact]
    public async Task ANewKeyIsTakenWithoutARestartAndEndsWhatCameWithTheOldOne()
    {
        using var directory = new TemporaryDirectory();
        var (old, next) = (KeyFile(directory, Key, "one"), KeyFile(directory, Key, "two"));
        await using var two = await StartAsync(next);
        await using var one = await StartAsync(old, two.PublicUrl.GetLeftPart(UriPartial.Authority));
        await LinkAsync(one, 0, "up", 1);

        File.WriteAllText(next, "too short");
        await Eventually.TrueAsync(
            () => two.Log.Lines.Any(static line => line.Contains("the old key stays", StringComparison.Ordinal)), "the bad key is refused");
        await LinkAsync(one, 0, "up", 1);
        KeyFile(directory, new string('7', 64), "two");
        await Eventually.TrueAsync(
            () => one.Log.Lines.Any(static line => line.Contains("same mesh key?", StringComparison.Ordinal)), "the old key is refused");
        KeyFile(directory, new string('7', 64), "one");

        await LinkAsync(one, 0, "up", 1);
    }

    [Fact]
    public async Task ALinkOverTlsOutlivesTheCertificateAndComesBackUnderTheNextOneThatIsTrusted()
    {
        using var directory = new TemporaryDirectory();
        using var trusted = new TestAuthority();
        using var other = new TestAuthority();
        File.WriteAllText(directory.File("trusted.pem"), trusted.Pem);
        trusted.Issue(directory, "first");
        var file = KeyFile(directory, Key);
        await using var two = await TestNode.StartAsync([
            "Edge:Mode=relay", "Edge:ShutdownTimeout=3s", $"Relay:Derp:MeshKeyFile={file}",
            "Kestrel:Endpoints:Plain:Url=http://127.0.0.1:0",
            .. TestAuthority.Listener(directory)]);
        var (plain, tls) = (two.UrlOf("http"), two.UrlOf("https"));
        var peer = $"https://localhost:{tls.Port}";
        await using var one = await EdgeProcess.StartAsync(
            directory.Path,
            new Dictionary<string, string> { ["SSL_CERT_FILE"] = directory.File("trusted.pem") },
            "--urls", "http://127.0.0.1:0", "--Edge:Admin:Url=http://127.0.0.1:0", "--Edge:Mode=relay",
            $"--Relay:Derp:MeshKeyFile={file}", $"--Relay:Derp:MeshWith:0={peer}");
        using var a = await DerpPeer.ConnectAsync(one.UrlOf("public"), Upgrade);
        using var b = await DerpPeer.ConnectAsync(plain, Upgrade);
        await ReachAsync(1);

        trusted.Issue(directory, "second");
        await ServedAsync("CN=second");
        await ReachAsync(2);
        Assert.Equal((1, 0), (Said("up"), Said("down")));
        two.Node.Relay!.CloseMeshPeers();
        await Eventually.TrueAsync(() => Said("up") == 2, "the link is back");
        await ReachAsync(3);

        other.Issue(directory, "third");
        await ServedAsync("CN=third");
        two.Node.Relay.CloseMeshPeers();
        await Eventually.TrueAsync(
            () => one.Output.Split('\n')
                .Any(line => line.Contains("is down", StringComparison.Ordinal) && line.Contains("certificate", StringComparison.Ordinal)),
            "a certificate of somebody else's is refused");
        trusted.Issue(directory, "fourth");
        await ReachAsync(4);

        int Said(string state) =>
            one.Output.Split('\n').Count(line => line.Contains($"mesh link to {peer} is {state}", StringComparison.Ordinal));

        async Task ServedAsync(string subject) =>
            await Eventually.TrueAsync(async () => await TlsTests.SubjectAsync(tls) == subject, $"{subject} is served");

        // The mesh link may not know the receiver yet. Packets to an unknown key are dropped.
        async Task ReachAsync(byte number)
        {
            var received = ReceivedAsync();
            await Eventually.TrueAsync(
                async () =>
                {
                    await a.SendAsync(b.Key, [number]);
                    return received.IsCompleted;
                },
                $"packet {number} arrives");
            await received;

            async Task ReceivedAsync()
            {
                while ((await b.ExpectAsync(a.Key))[0] != number)
                {
                    await Task.Yield();
                }
            }
        }
    }

    private static string KeyFile(TemporaryDirectory directory, string key, string name = "mesh.key")
    {
        File.WriteAllText(directory.File(name), key + "\n");
        return directory.File(name);
    }

    private static Task<TestNode> StartAsync(string keyFile, params string[] peers) => TestNode.StartAsync(
        [
            "Edge:Mode=relay", "Edge:ShutdownTimeout=3s", $"Relay:Derp:MeshKeyFile={keyFile}",
            .. peers.Select(static (peer, i) => $"Relay:Derp:MeshWith:{i}={peer}"),
        ]);

    /// <summary>Waits until the status says so.</summary>
    private static Task LinkAsync(TestNode node, int index, string state, int keys)
    {
        node.Admin.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue(
            "Bearer", Bootstrapped.AdminToken(node.Node.Data.BootstrapFile));
        return Eventually.TrueAsync(
            async () =>
            {
                var status = JsonNode.Parse(await node.Admin.GetStringAsync("/status"))!;
                var link = status["mesh"]![index]!;
                return link["state"]!.GetValue<string>() == state && link["keys"]!.GetValue<int>() == keys;
            },
            $"link {index} is {state} with {keys} keys");
    }
}
