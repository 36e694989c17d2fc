using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using Edge.AgentCommands;
using Tailnet.Peer;

namespace EndToEnd.AgentCommands;

/// <summary>The commands <c>ping</c>, <c>speedtest</c>, <c>ssh</c> and <c>port-forward</c>, through the edge to an agent.</summary>
public class AgentCommandTests
{
    private const int Mebibyte = 1024 * 1024;

    [Theory]
    [InlineData("main")]
    [InlineData("Default/main")]
    [InlineData("admin/default/main")]
    public async Task AnAgentIsPingedByItsName(string name)
    {
        await using var rig = await AgentCommandRig.StartAsync();
        var result = await rig.RunAsync("ping", name, "--count", "2");
        var line = $"{name}: 1.5 ms by DERP region 999{Environment.NewLine}";
        Assert.Equal((0, line + line, ""), result);
    }

    [Fact]
    public async Task AFailedPingSaysWhy()
    {
        await using var rig = await AgentCommandRig.StartAsync();
        var id = rig.AgentId.ToString();
        rig.Agents.PingFailure = DialFailure.NotReachable;
        Assert.Equal(
            (1, "", "edge: Internal error dialing workspace agent. workspace agent not reachable in time\n"),
            await rig.RunAsync("ping", id));
        Assert.Equal(
            (1, "", "edge: no agent of this user is called \"mai\"; there are: admin/default/main\n"),
            await rig.RunAsync("ping", "mai"));
        Assert.Equal(
            (1, "", "edge: Agent doesn't exist with that id, or you do not have access to it.\n"),
            await rig.RunAsync("ping", Guid.Empty.ToString()));

        var wrong = Path.GetTempFileName();
        try
        {
            await File.WriteAllTextAsync(wrong, "wrong-token", TestContext.Current.CancellationToken);
            var (code, _, errors) = await rig.RunAsync("ping", id, "--token-file", wrong);
            Assert.Equal(1, code);
            Assert.Contains("API key", errors, StringComparison.Ordinal);
            Assert.DoesNotContain("wrong-token", errors, StringComparison.Ordinal);
            (code, _, errors) = await AgentCommandRig.RunAloneAsync("ping", id, "--url", "http://127.0.0.1:1", "--token-file", wrong);
            Assert.Equal(1, code);
            Assert.StartsWith("edge: http://127.0.0.1:1/ does not answer: ", errors, StringComparison.Ordinal);
        }
        finally
        {
            File.Delete(wrong);
        }
    }

    [Fact]
    public async Task TheEnvironmentNamesTheServerAndTheToken()
    {
        await using var rig = await AgentCommandRig.StartAsync();
        using var process = rig.Start("ping", "main", "--count", "1");
        var (output, errors) = (process.StandardOutput.ReadToEndAsync(), process.StandardError.ReadToEndAsync());
        await process.WaitForExitAsync().WaitAsync(TestNode.Patience);
        Assert.Equal((0, "main: 1.5 ms by DERP region 999\n", ""), (process.ExitCode, await output, await errors));
    }

    [Fact]
    public async Task ADownloadCountsWhatTheAgentSends()
    {
        await using var rig = await AgentCommandRig.StartAsync();
        JsonNode? request = null;
        rig.Agents.Ports[3] = async socket =>
        {
            request = await ReadLineAsync(socket);
            await socket.SendAllAsync(Concat("{}\n"u8, new byte[4 * Mebibyte]));
            socket.Shutdown(SocketShutdown.Send);
            await socket.ReadToEndAsync();
        };

        var (code, output, errors) = await rig.RunAsync("speedtest", "main", "--seconds", "7");

        Assert.Equal((0, ""), (code, errors));
        Assert.StartsWith("main: download of 4.0 MiB in ", output, StringComparison.Ordinal);
        Assert.Equal("""{"version":2,"time":7000000000,"direction":0}""", request!.ToJsonString());
    }

    [Fact]
    public async Task AnUploadLastsItsTimeAndCountsWhatTheAgentReads()
    {
        await using var rig = await AgentCommandRig.StartAsync();
        JsonNode? request = null;
        var read = 0L;
        rig.Agents.Ports[3] = async socket =>
        {
            request = await ReadLineAsync(socket);
            await socket.SendAllAsync("{}\n"u8.ToArray());
            var buffer = new byte[64 * 1024];
            while (await socket.ReceiveAsync(buffer) is var count && count > 0)
            {
                read += count;
            }
        };
        using var client = rig.NewClient();
        using var output = new StringWriter();
        var start = Stopwatch.GetTimestamp();

        await SpeedTestCommand.RunAsync(
            client, new NamedAgent(rig.AgentId, "main"), TimeSpan.FromMilliseconds(300), true, output, CancellationToken.None)
            .WaitAsync(TestNode.Patience);

        Assert.InRange(Stopwatch.GetElapsedTime(start).TotalSeconds, 0.3, 30);
        Assert.Equal(1, request!["direction"]!.GetValue<int>());
        var size = (read / (double)Mebibyte).ToString("0.0", CultureInfo.InvariantCulture);
        Assert.StartsWith($"main: upload of {size} MiB in ", output.ToString(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("{\"error\":\"too busy\"}\n", "edge: the agent refuses the speed test: too busy\n")]
    [InlineData("no JSON\n", "edge: the agent's answer to the speed test cannot be read\n")]
    [InlineData("", "edge: the agent ended the speed test without an answer\n")]
    public async Task ARefusedSpeedTestSaysWhy(string answer, string says)
    {
        await using var rig = await AgentCommandRig.StartAsync();
        rig.Agents.Ports[3] = async socket =>
        {
            await ReadLineAsync(socket);
            await socket.SendAllAsync(Encoding.UTF8.GetBytes(answer));
        };
        Assert.Equal((1, "", says), await rig.RunAsync("speedtest", rig.AgentId.ToString()));
    }

    [Fact]
    public async Task SshPassesStandardInputAndOutputWholeAndEndsWithTheConnection()
    {
        await using var rig = await AgentCommandRig.StartAsync();
        rig.Agents.Ports[1] = static async socket =>
        {
            var all = await socket.ReadToEndAsync();
            Array.Reverse(all);
            await socket.SendAllAsync(all);
        };
        var sent = RandomNumberGenerator.GetBytes(Mebibyte);
        using var process = rig.Start("ssh", "main");
        var errors = process.StandardError.ReadToEndAsync();
        using var received = new MemoryStream();
        var receiving = process.StandardOutput.BaseStream.CopyToAsync(received);
        await process.StandardInput.BaseStream.WriteAsync(sent);
        process.StandardInput.Close();
        await process.WaitForExitAsync().WaitAsync(TestNode.Patience);
        await receiving;

        Assert.Equal((0, ""), (process.ExitCode, await errors));
        Array.Reverse(sent);
        Assert.Equal(SHA256.HashData(sent), SHA256.HashData(received.ToArray()));
    }

    [Fact]
    public async Task SshEndsWhenTheAgentEndsAlthoughItsInputIsOpen()
    {
        await using var rig = await AgentCommandRig.StartAsync();
        rig.Agents.Ports[1] = static socket => socket.SendAllAsync("bye"u8.ToArray());
        using var process = rig.Start("ssh", "main");
        var output = process.StandardOutput.ReadToEndAsync();
        await process.WaitForExitAsync().WaitAsync(TestNode.Patience);
        Assert.Equal((0, "bye", ""), (process.ExitCode, await output, await process.StandardError.ReadToEndAsync()));
    }

    [Theory]
    [InlineData(true, "edge: connection reset\n")]
    [InlineData(false, "edge: Internal error dialing workspace agent. connection refused\n")]
    public async Task SshThatFailsSaysWhy(bool isOpened, string says)
    {
        await using var rig = await AgentCommandRig.StartAsync();
        if (isOpened)
        {
            rig.Agents.Ports[1] = static socket =>
            {
                socket.Close(timeout: 0);
                return Task.CompletedTask;
            };
        }

        using var process = rig.Start("ssh", "main");
        await process.WaitForExitAsync().WaitAsync(TestNode.Patience);
        Assert.Equal((1, says), (process.ExitCode, await process.StandardError.ReadToEndAsync()));
    }

    [Fact]
    public async Task APortIsForwardedUntilTheSignal()
    {
        await using var rig = await AgentCommandRig.StartAsync();
        rig.Agents.Ports[8080] = static async socket =>
        {
            var question = await socket.ReadToEndAsync();
            await socket.SendAllAsync(Concat("answer to "u8, question));
        };
        using var process = rig.Start("port-forward", "main", "0:8080", "0:9");
        var (answered, refused) = (await PortAsync(process, "8080"), await PortAsync(process, "9"));
        Assert.Equal("stop it with Ctrl-C", await process.StandardOutput.ReadLineAsync());

        var answers = await Task.WhenAll(AskAsync(answered, "a"), AskAsync(answered, "b")).WaitAsync(TestNode.Patience);
        Assert.Equal(["answer to a", "answer to b"], answers);
        await Assert.ThrowsAsync<SocketException>(() => AskAsync(refused, "c"));
        Assert.Equal(
            "edge: port 9 of main: Internal error dialing workspace agent. connection refused",
            await process.StandardError.ReadLineAsync().WaitAsync(TestNode.Patience));

        // Not SIGINT, which processes ignore that a shell has started in the background, and so do their children.
        using var kill = Process.Start("kill", ["-TERM", process.Id.ToString(CultureInfo.InvariantCulture)]);
        await process.WaitForExitAsync().WaitAsync(TestNode.Patience);
        Assert.Equal((0, ""), (process.ExitCode, await process.StandardError.ReadToEndAsync()));

        static async Task<int> PortAsync(Process process, string remote)
        {
            var line = await process.StandardOutput.ReadLineAsync().WaitAsync(TestNode.Patience);
            Assert.Matches($@"^127\.0\.0\.1:\d+ forwards to port {remote} of main$", line);
            return int.Parse(line!.Split(' ')[0].Split(':')[1], CultureInfo.InvariantCulture);
        }
    }

    [Fact]
    public async Task APortOfAnUnknownAgentIsNotForwarded()
    {
        await using var rig = await AgentCommandRig.StartAsync();
        Assert.Equal(
            (1, "", "edge: Agent doesn't exist with that id, or you do not have access to it.\n"),
            await rig.RunAsync("port-forward", Guid.Empty.ToString(), "0:8080"));
    }

    [Fact]
    public async Task ALocalPortThatIsTakenIsNamed()
    {
        await using var rig = await AgentCommandRig.StartAsync();
        using var taken = new TcpListener(IPAddress.Loopback, 0);
        taken.Start();
        var port = ((IPEndPoint)taken.LocalEndpoint).Port;
        var (code, output, errors) = await rig.RunAsync("port-forward", "main", $"{port}:8080");
        Assert.Equal((1, ""), (code, output));
        Assert.Matches($@"^edge: 127\.0\.0\.1:{port} cannot be used \(.*\); choose another LOCAL\n$", errors);
    }

    private static async Task<string> AskAsync(int port, string question)
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        await socket.ConnectAsync(new IPEndPoint(IPAddress.Loopback, port));
        await socket.SendAllAsync(Encoding.UTF8.GetBytes(question));
        socket.Shutdown(SocketShutdown.Send);
        return Encoding.UTF8.GetString(await socket.ReadToEndAsync());
    }

    private static async Task<JsonNode?> ReadLineAsync(Socket socket)
    {
        var line = new List<byte>();
        var one = new byte[1];
        while (await socket.ReceiveAsync(one) == 1 && one[0] != '\n')
        {
            line.Add(one[0]);
        }

        return JsonNode.Parse(line.ToArray());
    }

    private static byte[] Concat(ReadOnlySpan<byte> first, ReadOnlySpan<byte> second) => [.. first, .. second];
}
