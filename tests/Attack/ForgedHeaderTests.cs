namespace Attack;

/// <summary>Headers by which a client claims to be somebody, or to come from somewhere.</summary>
public class ForgedHeaderTests(AttackRig rig) : IClassFixture<AttackRig>
{
    private const string Upgrade =
        "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n";

    public static TheoryData<string, bool> Forged { get; } = new(
        from fields in new[]
        {
            "X-Edge-Subject: forged",
            "x-edge-issuer: forged",
            "X_Edge_Subject: forged",
            "X-Edge_Subject: forged",
            "x_edge_issuer: forged",
            "X.Edge.Subject: forged",
            "X-Edge-Subject: forged\r\nX-Edge-Subject: forged",
            "X-Edge-Subject: \r\nx-edge-subject: forged\r\nX_EDGE_SUBJECT: forged",
            "Connection: X-Edge-Subject\r\nX-Edge-Subject: forged",
            "X-Forwarded-For: forged",
            "x-forwarded-for: forged\r\nX-FORWARDED-FOR: forged",
            "X_Forwarded_For: forged",
            "X-Forwarded-Proto: forged",
            "X-Forwarded-Host: forged",
            "X-Forwarded-Port: forged",
            "X-Forwarded-Prefix: forged",
            "X-Forwarded-Anything: forged",
            "X_FORWARDED_HOST: forged",
            "Forwarded: for=forged;host=forged",
            "forwarded: for=forged\r\nForwarded: for=forged",
            "X-Real-IP: forged",
            "x_real_ip: forged",
            "True-Client-IP: forged",
            "CF-Connecting-IP: forged",
        }
        from upgrade in new[] { false, true }
        select (fields, upgrade));

    [Theory]
    [MemberData(nameof(Forged))]
    public async Task AForgedHeaderReachesNoBackend(string fields, bool upgrade)
    {
        var outcome = await rig.AttackAsync($"GET /attack HTTP/1.1\r\nHost: x\r\n{(upgrade ? Upgrade : "")}{fields}\r\n\r\n");

        Assert.Equal([200, 200], outcome.Statuses);
        Assert.Equal(["GET /attack HTTP/1.1|", AttackRig.NextLine], outcome.SeenLines);
        HasOnlyTheEdgesOwn(outcome.Seen[0]);
        await rig.ServesAsync();
    }

    [Theory]
    [InlineData("X-Forwarded-For, X-Forwarded-Proto, X-Forwarded-Host, Host, X-Request-ID, Cookie", false)]
    [InlineData("Upgrade, X-Forwarded-For, X-Forwarded-Proto, X-Forwarded-Host, Host, X-Request-ID, Cookie", true)]
    public async Task AConnectionHeaderTakesNothingAwayThatTheBackendRelyOn(string names, bool upgrade)
    {
        var head = "GET /attack HTTP/1.1\r\nHost: x\r\nCookie: a=b\r\n"
            + $"{(upgrade ? Upgrade.Replace("Connection: Upgrade\r\n", "", StringComparison.Ordinal) : "")}Connection: {names}\r\n\r\n";
        var outcome = await rig.AttackAsync(head);

        Assert.Equal(["GET /attack HTTP/1.1|", AttackRig.NextLine], outcome.SeenLines);
        HasOnlyTheEdgesOwn(outcome.Seen[0]);
        Assert.Contains("\r\nCookie: a=b\r\n", outcome.Seen[0], StringComparison.Ordinal);
        Assert.DoesNotContain("\r\nConnection: X-", outcome.Seen[0], StringComparison.OrdinalIgnoreCase);
    }

    [Fact]
    public async Task AForgedHeaderInHttp2ReachesNoBackend()
    {
        foreach (var name in new[]
        {
            "x-edge-subject", "x_edge_issuer", "x-forwarded-for", "x_forwarded_for", "forwarded", "x-real-ip", "x-forwarded-host",
        })
        {
            await using var edge = await H2Client.ConnectAsync(rig.SecondUrl);
            rig.Backend.Forget();
            Assert.Equal("answer", await edge.RequestAsync([.. H2Client.Get("/attack"), (name, "forged")]));

            Assert.Equal(["GET /attack HTTP/1.1|"], new Outcome("", rig.Backend.Seen).SeenLines);
            HasOnlyTheEdgesOwn(rig.Backend.Seen[0]);
        }

        await rig.ServesAsync();
    }

    private static void HasOnlyTheEdgesOwn(string request)
    {
        Assert.DoesNotContain("forged", request, StringComparison.OrdinalIgnoreCase);
        Assert.DoesNotContain("edge-subject", request, StringComparison.OrdinalIgnoreCase);
        var own = request.Split("\r\n").Where(static line => line.Contains("forwarded", StringComparison.OrdinalIgnoreCase))
            .Order(StringComparer.Ordinal);
        Assert.Equal(["X-Forwarded-For: 127.0.0.1", "X-Forwarded-Host: x", "X-Forwarded-Proto: http"], own.ToArray());
        Assert.Contains("\r\nHost: x\r\n", request, StringComparison.Ordinal);
    }
}
