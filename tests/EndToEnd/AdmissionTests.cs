using System.Collections.Concurrent;
using System.Diagnostics.Metrics;
using System.Text;
using Edge.Derp.Admission;
using Edge.Settings;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Relay.Derp;
using Relay.Derp.Wire;

namespace EndToEnd;

/// <summary>Who may use the relay, as clients, operators and those who are asked see it.</summary>
public sealed class AdmissionTests : IDisposable
{
    private const string Upgrade = "GET /derp HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: DERP\r\n\r\n";

    private static readonly TimeSpan Second = TimeSpan.FromSeconds(1);

    private readonly TemporaryDirectory _directory = new();
    private readonly ManualTimeProvider _clock = new();
    private readonly NodePrivateKey _alice = NodePrivateKey.Generate();
    private readonly NodePrivateKey _bob = NodePrivateKey.Generate();

    public void Dispose() => _directory.Dispose();

    [Fact]
    public async Task OnlyKeysOfTheFileAreAdmittedAndOneThatIsTakenOffIsClosed()
    {
        Write(_alice.PublicKey, _bob.PublicKey);
        await using var edge = await FileAsync();
        using var alice = await DerpPeer.ConnectAsync(edge.PublicUrl, Upgrade, _alice);
        using var bob = await DerpPeer.ConnectAsync(edge.PublicUrl, Upgrade, _bob);
        await AssertRefusedAsync(edge, NodePrivateKey.Generate());

        Write(_alice.PublicKey);
        await AdvanceUntilLoggedAsync(edge.Log, "no longer admitted by File");

        await bob.AssertClosedAsync();
        await AssertRefusedAsync(edge, _bob);
        await alice.AssertAliveAsync();
    }

    [Fact]
    public async Task AFileThatBreaksChangesNothing()
    {
        Write(_alice.PublicKey);
        await using var edge = await FileAsync();
        using var alice = await DerpPeer.ConnectAsync(edge.PublicUrl, Upgrade, _alice);

        await File.WriteAllTextAsync(_directory.File("keys"), $"{_bob.PublicKey}\nnodekey:12");
        await AdvanceUntilLoggedAsync(edge.Log, "line 2 is no key");

        await alice.AssertAliveAsync();
        await AssertRefusedAsync(edge, _bob);
        using var again = await DerpPeer.ConnectAsync(edge.PublicUrl, Upgrade, _alice);
    }

    [Fact]
    public async Task WithAFileThatIsNoListTheNodeDoesNotStart()
    {
        await File.WriteAllTextAsync(_directory.File("keys"), "hello");

        var error = await Assert.ThrowsAsync<SettingsException>(FileAsync);

        Assert.Contains("line 1 is no key", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task TheUrlIsAskedAsDerperAsksAboutTheClientBehindTheProxy()
    {
        var bodies = new ConcurrentQueue<string>();
        await using var server = await TestBackend.StartAsync(async context =>
        {
            bodies.Enqueue(await new StreamReader(context.Request.Body).ReadToEndAsync());
            await context.Response.WriteAsync("{\"Allow\":true}\n");
        });
        await using var edge = await UrlAsync(server.Url, "Edge:TrustedProxies=127.0.0.1");

        using var alice = await DerpPeer.ConnectAsync(
            edge.PublicUrl, Upgrade.Replace("Host", "X-Forwarded-For: 203.0.113.9\r\nHost", StringComparison.Ordinal), _alice);

        Assert.Equal($"{{\"NodePublic\":\"{_alice.PublicKey}\",\"Source\":\"203.0.113.9\"}}", Assert.Single(bodies));
        Assert.Equal("POST /verify?secret=1", Assert.Single(server.Requests));
        Assert.DoesNotContain(edge.Log.Lines, static line => line.Contains("secret", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData(200, "{\"Allow\":false}", false)]
    [InlineData(200, "{}", false)]
    [InlineData(200, "hello", false)]
    [InlineData(200, "huge", false)]
    [InlineData(200, "{\"Allow\":true}", true)]
    [InlineData(204, "", false)]
    [InlineData(302, "", false)]
    [InlineData(307, "", false)]
    [InlineData(403, "{\"Allow\":true}", false)]
    [InlineData(404, "{\"Allow\":true}", false)]
    [InlineData(500, "{\"Allow\":true}", false)]
    public async Task OnlyAPlainYesLetsIn(int status, string body, bool isAdmitted)
    {
        await using var server = await TestBackend.StartAsync(context =>
        {
            if (context.Request.Path == "/elsewhere")
            {
                return context.Response.WriteAsync("{\"Allow\":true}");
            }

            context.Response.StatusCode = status;
            context.Response.Headers.Location = "/elsewhere";
            return status == 204
                ? Task.CompletedTask
                : context.Response.WriteAsync(body == "huge" ? "{\"Allow\":true}" + new string(' ', 1 << 20) : body);
        });
        await using var edge = await UrlAsync(server.Url);

        var (peer, frame) = await DerpPeer.TryConnectAsync(edge.PublicUrl, Upgrade, _alice);
        using (peer)
        {
            Assert.Equal(isAdmitted ? DerpFrameType.ServerInfo : DerpFrameType.None, frame);
        }

        Assert.Single(server.Requests);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task WhoDoesNotAnswerRefusesUnlessSettingsSayOtherwise(bool failsOpen)
    {
        var silence = new TaskCompletionSource();
        var asked = new TaskCompletionSource();
        await using var server = await TestBackend.StartAsync(context =>
        {
            asked.TrySetResult();
            return context.Request.Path == "/verify" ? silence.Task : throw new InvalidOperationException("Only one path is asked.");
        });
        await using var edge = await UrlAsync(server.Url, $"Relay:Derp:AdmissionUrlFailOpen={failsOpen}");

        var connecting = DerpPeer.TryConnectAsync(edge.PublicUrl, Upgrade, _alice);
        await asked.Task.WaitAsync(TestNode.Patience);
        Assert.False(connecting.IsCompleted);
        _clock.Advance(TimeSpan.FromSeconds(5));
        using (var peer = (await connecting.WaitAsync(TestNode.Patience)).Peer)
        {
            Assert.Equal(failsOpen ? DerpFrameType.ServerInfo : DerpFrameType.None, (await connecting).Frame);
        }

        silence.SetResult();
        await server.KillAsync();
        var (other, frame) = await DerpPeer.TryConnectAsync(edge.PublicUrl, Upgrade, _bob);
        other.Dispose();
        Assert.Equal(failsOpen ? DerpFrameType.ServerInfo : DerpFrameType.None, frame);
    }

    [Fact]
    public async Task AYesIsRememberedAndAClearNoClosesWhoIsConnected()
    {
        var answer = "{\"Allow\":true}";
        await using var server = await TestBackend.StartAsync(context =>
        {
            context.Response.StatusCode = answer.Length == 0 ? StatusCodes.Status500InternalServerError : StatusCodes.Status200OK;
            return context.Response.WriteAsync(answer);
        });
        await using var edge = await UrlAsync(server.Url, "Relay:Derp:AdmissionRecheck=1s", "Relay:Derp:AdmissionTimeout=10s");
        using var first = await DerpPeer.ConnectAsync(edge.PublicUrl, Upgrade, _alice);
        using var second = await DerpPeer.ConnectAsync(edge.PublicUrl, Upgrade, _alice);
        Assert.Single(server.Requests);

        answer = "";
        await AdvanceUntilLoggedAsync(edge.Log, "Url does not answer");
        await second.AssertAliveAsync();

        answer = "{\"Allow\":false}";
        await AdvanceUntilLoggedAsync(edge.Log, "no longer admitted by Url");

        await first.AssertClosedAsync();
        await second.AssertClosedAsync();
        await AssertRefusedAsync(edge, _alice);
    }

    [Fact]
    public async Task TheMachinesTailscaledIsAskedAsDerperAsks()
    {
        var hosts = new ConcurrentQueue<string>();
        var (state, knows) = ("Running", true);
        await using var tailscaled = await TestBackend.StartAsync(
            context =>
            {
                hosts.Enqueue(context.Request.Host.Value!);
                if (context.Request.Path == "/localapi/v0/status")
                {
                    return context.Response.WriteAsync($"{{\"Version\":\"1\",\"BackendState\":\"{state}\",\"Self\":{{}}}}");
                }

                context.Response.StatusCode = knows && context.Request.Query["addr"] == _alice.PublicKey.ToString() ? 200 : 404;
                return context.Response.WriteAsync("no match for IP:port\n");
            },
            $"http://unix:{_directory.File("tailscaled.sock")}");
        await using var edge = await StartAsync(
            "Relay:Derp:Admission=tailscaled", $"Relay:Derp:TailscaledSocket={_directory.File("tailscaled.sock")}",
            "Relay:Derp:AdmissionRecheck=1s", "Relay:Derp:AdmissionTimeout=10s");

        using var alice = await DerpPeer.ConnectAsync(edge.PublicUrl, Upgrade, _alice);
        await AssertRefusedAsync(edge, _bob);
        Assert.Equal(
            [
                $"GET /localapi/v0/whois?addr=nodekey%3A{_alice.PublicKey.ToHex()}",
                $"GET /localapi/v0/whois?addr=nodekey%3A{_bob.PublicKey.ToHex()}", "GET /localapi/v0/status?peers=false",
            ],
            tailscaled.Requests);
        Assert.All(hosts, static host => Assert.Equal("local-tailscaled.sock", host));

        // A tailscaled that is logged out knows no peer. The relay does not take that for a refusal.
        (state, knows) = ("NeedsLogin", false);
        await AdvanceUntilLoggedAsync(edge.Log, "Tailscaled does not answer");
        await alice.AssertAliveAsync();
        state = "Running";
        await AdvanceUntilLoggedAsync(edge.Log, "no longer admitted by Tailscaled");
        await alice.AssertClosedAsync();
    }

    [Theory]
    [InlineData(400)]
    [InlineData(403)]
    [InlineData(500)]
    [InlineData(0)]
    public async Task ATailscaledThatDoesNotAnswerAdmitsNobody(int status)
    {
        var socket = _directory.File("tailscaled.sock");
        await using var tailscaled = await TestBackend.StartAsync(
            context =>
            {
                context.Response.StatusCode = status;
                return context.Response.WriteAsync("invalid 'addr' parameter\n");
            },
            $"http://unix:{(status == 0 ? _directory.File("other.sock") : socket)}");
        await using var edge = await StartAsync("Relay:Derp:Admission=tailscaled", $"Relay:Derp:TailscaledSocket={socket}");

        await AssertRefusedAsync(edge, _alice);

        Assert.Contains(edge.Log.Lines, static line => line.Contains("Tailscaled does not answer", StringComparison.Ordinal));
    }

    [Fact]
    public async Task EverySourceMustAdmitAndTheCheapOneComesFirst()
    {
        var alice = _alice.PublicKey.ToString();
        await using var server = await TestBackend.StartAsync(async context =>
        {
            var body = await new StreamReader(context.Request.Body, Encoding.UTF8).ReadToEndAsync();
            await context.Response.WriteAsync(body.Contains(alice, StringComparison.Ordinal) ? "{\"Allow\":true}" : "{\"Allow\":false}");
        });
        Write(_alice.PublicKey, _bob.PublicKey);
        await using var edge = await StartAsync(
            "Relay:Derp:Admission=url,file", $"Relay:Derp:AllowedKeysFile={_directory.File("keys")}",
            $"Relay:Derp:AdmissionUrl={server.Url}/verify");

        using var both = await DerpPeer.ConnectAsync(edge.PublicUrl, Upgrade, _alice);
        await AssertRefusedAsync(edge, _bob);
        await AssertRefusedAsync(edge, NodePrivateKey.Generate());

        Assert.Equal(2, server.Requests.Count);
        var metrics = await edge.Admin.GetStringAsync("/metrics");
        Assert.Matches("edge_derp_admissions_total{[^}]*result=\"refused\"[^}]*source=\"file\"[^}]*} [1-9]", metrics);
        Assert.Matches("edge_derp_admissions_total{[^}]*result=\"admitted\"[^}]*source=\"url\"[^}]*} [1-9]", metrics);
        Assert.Matches("edge_derp_admission_ask_duration_seconds_count{[^}]*source=\"url\"[^}]*} [1-9]", metrics);
    }

    [Fact]
    public async Task MeshPeersAreNotOnTheListAndStay()
    {
        const string Mesh = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
        Write(_alice.PublicKey);
        using var log = new CapturedLog();
        using var logs = LoggerFactory.Create(logging => logging.AddProvider(log));
        await using var services = new ServiceCollection().AddMetrics().BuildServiceProvider();
        var settings =
            new DerpAdmissionSettings { Sources = [AdmissionSource.File], AllowedKeysFile = _directory.File("keys"), Recheck = Second };
        using var admission = new DerpAdmission(
            settings, new AdmissionMetrics(services.GetRequiredService<IMeterFactory>()), _clock, logs.CreateLogger<DerpAdmission>());
        Assert.True(MeshKey.TryParse(Mesh, out var meshKey));
        using var server = new DerpServer(NodePrivateKey.Generate(), new DerpServerOptions(), _clock)
        {
            Admission = admission.AdmitAsync,
            MeshKey = meshKey,
        };
        using var watch = new AdmissionWatch(admission, settings, server, _clock, logs.CreateLogger<AdmissionWatch>());
        await watch.StartAsync(CancellationToken.None);
        using var alice = await DerpPeer.AttachAsync(server, _alice, null);
        using var mesh = await DerpPeer.AttachAsync(server, _bob, Mesh);

        Write();
        await AdvanceUntilLoggedAsync(log, "no longer admitted by File");
        await alice.AssertClosedAsync();
        await watch.StopAsync(CancellationToken.None);

        await mesh.AssertAliveAsync();
    }

    private static async Task AssertRefusedAsync(TestNode edge, NodePrivateKey key)
    {
        var (peer, frame) = await DerpPeer.TryConnectAsync(edge.PublicUrl, Upgrade, key);
        peer.Dispose();
        Assert.Equal(DerpFrameType.None, frame);
    }

    private void Write(params NodeKey[] keys) => File.WriteAllLines(_directory.File("keys"), keys.Select(static key => key.ToString()));

    // Slowly, so that on a busy machine an answer that is under way is not too late by this clock.
    private Task AdvanceUntilLoggedAsync(CapturedLog log, string text)
    {
        var looks = 0;
        return Eventually.TrueAsync(
            () =>
            {
                if (log.Lines.Any(line => line.Contains(text, StringComparison.Ordinal)))
                {
                    return true;
                }

                _clock.Advance(looks++ % 40 == 0 ? Second : TimeSpan.Zero);
                return false;
            },
            $"the log says: {text}");
    }

    private Task<TestNode> StartAsync(params string[] settings) =>
        TestNode.StartAsync(_clock, waitUntilReady: true, ["Edge:Mode=relay", "Relay:Stun:Enabled=false", .. settings]);

    private Task<TestNode> FileAsync() => StartAsync("Relay:Derp:Admission=file", $"Relay:Derp:AllowedKeysFile={_directory.File("keys")}");

    private Task<TestNode> UrlAsync(string url, params string[] settings) =>
        StartAsync(["Relay:Derp:Admission=url", $"Relay:Derp:AdmissionUrl={url}/verify?secret=1", .. settings]);
}
