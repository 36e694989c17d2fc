using System.Diagnostics;
using System.Globalization;
using System.Text.Json.Nodes;

namespace Commands;

/// <summary>The README's first command and what the banner and the documents say to try next, with the tools that strangers have.</summary>
public sealed class ReadmeTests(Checkout checkout) : IClassFixture<Checkout>
{
    private const string Line = """{"logs":[{"created_at":"2026-01-01T00:00:00Z","output":"OUTPUT","level":"warn"}]}""";

    // From RFC 6455 §1.3.
    private static readonly string[] Upgrade =
    [
        "-H", "Connection: Upgrade", "-H", "Upgrade: websocket", "-H", "Sec-WebSocket-Version: 13", "-H",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    ];

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task WhatTheBannerSaysWorksAsPrinted(bool behindAnEdge)
    {
        Tool.Require("curl", "curl");
        Tool.Require("ssh-keygen", "openssh-client");
        var data = Path.Combine(checkout.Path, ".edge");
        if (Directory.Exists(data))
        {
            Directory.Delete(data, recursive: true);
        }

        // The embedded API server is called in the process; the one that users deploy is behind YARP and a socket.
        await using var node = await checkout.RunAsync(behindAnEdge ? ["--Edge:Mode=api"] : []);
        using var edgeData = new TemporaryDirectory();
        await using var edge = behindAnEdge ? await EdgeBeforeAsync(node, edgeData) : null;
        var url = (edge ?? node).UrlOf("public");
        var bootstrap = Path.Combine(data, "bootstrap.json");

        // Where the command was given, not where the project is.
        Assert.True(File.Exists(bootstrap), node.Output);
        Assert.Contains($"  data     {data}\n", node.Output, StringComparison.Ordinal);

        // The line as it stands there, from "curl" to its end.
        var line = node.Output.Split('\n').Single(static line => line.StartsWith("  try ", StringComparison.Ordinal));
        var command = line[line.IndexOf("curl", StringComparison.Ordinal)..]
            .Replace(node.UrlOf("public").Authority, url.Authority, StringComparison.Ordinal);
        Assert.Contains(url.Authority, command, StringComparison.Ordinal);
        var user = JsonNode.Parse(await Tool.ShellAsync(checkout.Path, command))!;
        Assert.Equal("admin", user["username"]!.GetValue<string>());
        Assert.True(Guid.TryParse(user["id"]!.GetValue<string>(), out _));

        await LogsAreFollowedAsync(edge ?? node, bootstrap);
        await SshKeyIsAcceptedAsync(edge ?? node, bootstrap);

        foreach (var process in (EdgeProcess?[])[edge, node])
        {
            await (process?.SignalAsync("TERM") ?? Task.CompletedTask);
            Assert.Equal(0, process is null ? 0 : await process.ExitAsync());
        }
    }

    [Fact]
    public async Task AnAcknowledgedLogLineAndTheTokensOutliveAKill()
    {
        Tool.Require("curl", "curl");
        using var directory = new TemporaryDirectory();
        var data = $"--Edge:DataDirectory={directory.File("data")}";
        var bootstrap = Path.Combine(directory.File("data"), "bootstrap.json");
        await using (var first = await checkout.RunAsync(data))
        {
            await PostAsync(first, bootstrap, "written before the end");
            Process.GetProcessById(EdgeOf(first)).Kill();
            Assert.NotEqual(0, await first.ExitAsync());
        }

        await using var second = await checkout.RunAsync(data);
        var logs = await CurlAsync(
            second, Bootstrapped.SessionToken(bootstrap), $"/api/v2/workspaceagents/{Bootstrapped.AgentId(bootstrap)}/logs");
        Assert.Equal("written before the end", JsonNode.Parse(logs)!.AsArray().Single()!["output"]!.GetValue<string>());
        await PostAsync(second, bootstrap, "written after it");

        await second.SignalAsync("TERM");
        Assert.Equal(0, await second.ExitAsync());
    }

    private async Task<EdgeProcess> EdgeBeforeAsync(EdgeProcess api, TemporaryDirectory data)
    {
        var edge = await checkout.RunAsync(
            "--Edge:Mode=edge", $"--Edge:Backends:0=http://{api.UrlOf("public").Authority}", $"--Edge:DataDirectory={data.File("data")}");
        using var http = new HttpClient { BaseAddress = edge.UrlOf("admin") };
        await Eventually.TrueAsync(
            async () =>
            {
                using var ready = await http.GetAsync("/readyz");
                return ready.IsSuccessStatusCode;
            },
            "the edge has found the API server");
        return edge;
    }

    private async Task LogsAreFollowedAsync(EdgeProcess edge, string bootstrap)
    {
        var logs = $"{edge.UrlOf("public")}api/v2/workspaceagents/{Bootstrapped.AgentId(bootstrap)}/logs?follow";
        await using var follower = Tool.Follow(
            checkout.Path, ["curl", "-sS", "--http1.1", "-N", "-i", "-H", Token(Bootstrapped.SessionToken(bootstrap)), .. Upgrade, logs]);
        await Eventually.TrueAsync(() => follower.Output.Contains("[]", StringComparison.Ordinal), "the logs are followed");
        Assert.StartsWith("HTTP/1.1 101 ", follower.Output, StringComparison.Ordinal);

        await PostAsync(edge, bootstrap, "hello from curl");

        await Eventually.TrueAsync(() => follower.Output.Contains("hello from curl", StringComparison.Ordinal), "the line arrives");
    }

    private async Task SshKeyIsAcceptedAsync(EdgeProcess edge, string bootstrap)
    {
        var key = JsonNode.Parse(await CurlAsync(edge, Bootstrapped.AgentToken(bootstrap), "/api/v2/workspaceagents/me/gitsshkey"))!;
        using var directory = new TemporaryDirectory();
        await File.WriteAllTextAsync(directory.File("key"), key["private_key"]!.GetValue<string>());
        File.SetUnixFileMode(directory.File("key"), UnixFileMode.UserRead | UnixFileMode.UserWrite);

        var derived = await Tool.RunAsync(directory.Path, "ssh-keygen", "-y", "-f", directory.File("key"));

        Assert.Equal(Words(key["public_key"]!.GetValue<string>()), Words(derived));

        // Algorithm and key; a comment may follow.
        static string[] Words(string line) => line.Split([' ', '\n'], StringSplitOptions.RemoveEmptyEntries)[..2];
    }

    private Task<string> PostAsync(EdgeProcess edge, string bootstrap, string output) => CurlAsync(
        edge,
        Bootstrapped.AgentToken(bootstrap),
        "/api/v2/workspaceagents/me/logs",
        "-X",
        "PATCH",
        "-H",
        "Content-Type: application/json",
        "-d",
        Line.Replace("OUTPUT", output, StringComparison.Ordinal));

    private Task<string> CurlAsync(EdgeProcess edge, string token, string path, params string[] more) =>
        Tool.RunAsync(
            checkout.Path,
            ["curl", "-sS", "--fail-with-body", "-H", Token(token), .. more, new Uri(edge.UrlOf("public"), path).AbsoluteUri]);

    private static string Token(string token) => $"Coder-Session-Token: {token}";

    /// <summary>The program itself: <c>dotnet run</c> is its parent.</summary>
    private static int EdgeOf(EdgeProcess run) => int.Parse(
        File.ReadAllText($"/proc/{run.Id}/task/{run.Id}/children").Split(' ', StringSplitOptions.RemoveEmptyEntries).Single(),
        CultureInfo.InvariantCulture);
}
