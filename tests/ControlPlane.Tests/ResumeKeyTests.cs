using ControlPlane.Coordination;
using Microsoft.Extensions.DependencyInjection;
using Tailnet.Services;

namespace ControlPlane.Tests;

/// <summary>The keys of resume tokens in the store, over time and over processes.</summary>
public sealed class ResumeKeyTests
{
    private static readonly TimeSpan KeyLifetime = TimeSpan.FromDays(30);
    private readonly ManualTimeProvider _clock = new();

    [Fact]
    public async Task AfterAKeysLifeTheNextOneSignsAndItsTokensStayGoodForTheirOwnLife()
    {
        await using var server = await StartAsync();
        var keys = server.Services.GetRequiredService<ResumeTokenKeys>();
        var peer = Guid.NewGuid();
        await IssueAsync(keys, Guid.NewGuid());
        _clock.Advance(KeyLifetime - TimeSpan.FromMinutes(1));
        var old = await IssueAsync(keys, peer);
        Assert.Equal(1, KidOf(old));
        _clock.Advance(TimeSpan.FromMinutes(11));
        Assert.Equal(2, KidOf(await IssueAsync(keys, peer)));

        Assert.Equal((ResumeTokenStatus.Valid, peer), await VerifyAsync(keys, old));
        _clock.Advance(TimeSpan.FromHours(23));
        Assert.Equal(ResumeTokenStatus.Valid, (await VerifyAsync(keys, old)).Status);
        await IssueAsync(keys, peer);
        Assert.Equal(2, server.Count("SELECT count(*) FROM resume_token_keys"));

        _clock.Advance(TimeSpan.FromHours(2));
        Assert.Equal(ResumeTokenStatus.Invalid, (await VerifyAsync(keys, old)).Status);
        Assert.Equal(2, KidOf(await IssueAsync(keys, peer)));
        Assert.Equal(1, server.Count("SELECT count(*) FROM resume_token_keys"));
    }

    [Fact]
    public async Task AnotherProcesssNewKeyIsFoundWhenItsTokenComes()
    {
        await using var server = await StartAsync();
        var options = server.Services.GetRequiredService<ControlPlaneOptions>();
        var (one, other) = (new ResumeTokenKeys(server.Database, options, _clock), new ResumeTokenKeys(server.Database, options, _clock));
        await IssueAsync(other, Guid.NewGuid());
        await IssueAsync(one, Guid.NewGuid());
        _clock.Advance(KeyLifetime);
        var token = await IssueAsync(one, Guid.NewGuid());

        Assert.Equal(2, KidOf(token));
        Assert.Equal(ResumeTokenStatus.Valid, (await VerifyAsync(other, token)).Status);
    }

    private Task<ApiServer> StartAsync() => ApiServer.StartAsync(
        static directory => new ControlPlaneOptions { DataDirectory = directory, ResumeKeyLifetime = KeyLifetime }, _clock);

    private static async Task<string> IssueAsync(ResumeTokenKeys keys, Guid peer) =>
        (await keys.IssueAsync(peer, TestContext.Current.CancellationToken)).Token;

    private static async Task<(ResumeTokenStatus Status, Guid Peer)> VerifyAsync(ResumeTokenKeys keys, string token) =>
        await keys.VerifyAsync(token, TestContext.Current.CancellationToken);

    private static int KidOf(string token) => int.Parse(
        System.Text.Json.JsonDocument.Parse(System.Buffers.Text.Base64Url.DecodeFromChars(token.Split('.')[0])).RootElement
            .GetProperty("kid").GetString()!,
        System.Globalization.CultureInfo.InvariantCulture);
}
