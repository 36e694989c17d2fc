using System.Globalization;
using System.Net;
using System.Net.Http.Json;
using System.Text.RegularExpressions;
using ControlPlane.Storage;

namespace ControlPlane.Tests;

/// <summary>PostgreSQL fails under a running server, or was never right: what health, the log and clients hear of it.</summary>
public sealed class PostgresHealthTests : IDisposable
{
    private readonly string _directory = ApiServer.NewDirectory();

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    [Theory]
    [InlineData("LATIN1")]
    [InlineData("SQL_ASCII")]
    public async Task ADatabaseThatDoesNotStoreAnyTextIsRefusedAtTheStart(string encoding)
    {
        var name = NewDatabase($"TEMPLATE template0 ENCODING '{encoding}' LOCALE 'C'");
        using var database = new Database(new PostgresEngine($"{TestDatabase.Server};Database={name}"));

        var error = await Assert.ThrowsAsync<ControlPlaneException>(database.CreateAsync);

        Assert.Contains($"has the encoding {encoding}, but must have UTF8", error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', error.Message);
    }

    [Theory]
    [InlineData("Host=no-such-host.invalid")]
    [InlineData("Host=127.0.0.1;Port=1")]
    [InlineData("Host=127.0.0.1,127.0.0.1;Port=1")]
    public async Task AServerThatIsNotThereIsSaidInOneLine(string server)
    {
        using var database = new Database(new PostgresEngine($"{server};Database=edge;Username=edge"));

        var error = await Assert.ThrowsAsync<ControlPlaneException>(database.CreateAsync);

        Assert.Contains("cannot be opened", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task AReadOnlyDatabaseIsSaidAtTheStartToo()
    {
        var name = NewDatabase();
        TestDatabase.Execute(TestDatabase.Server!, $"ALTER DATABASE {name} SET default_transaction_read_only = on");

        var error = await Assert.ThrowsAsync<ControlPlaneException>(() => StartAsync(name, log: null));

        Assert.Contains("read-only", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task SessionsThatAreReadOnlyGoOnceTheDatabaseIsNot()
    {
        using var log = new CapturedLog();
        var name = NewDatabase();
        await using var server = await StartAsync(name, log);
        Assert.Equal(200, (await server.PatchLogsAsync("before")).Status);
        TestDatabase.Execute(TestDatabase.Server!, $"ALTER DATABASE {name} SET default_transaction_read_only = on");
        TestDatabase.Execute(
            TestDatabase.Server!, $"SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = '{name}'");
        await Eventually.TrueAsync(
            async () => await HealthAsync(server) == (503, "the database is read-only"), "health says that the database is read-only");
        for (var i = 0; i < 3; i++)
        {
            Assert.Equal(503, (await server.PatchLogsAsync("refused")).Status);
        }

        // Reads are served.
        Assert.Equal(200, (await server.GetAsUserAsync(server.AgentPath)).Status);

        TestDatabase.Execute(TestDatabase.Server!, $"ALTER DATABASE {name} RESET default_transaction_read_only");

        Assert.Equal((200, "OK"), await HealthAsync(server));
        Assert.Equal(200, (await server.PatchLogsAsync("after")).Status);
        Assert.Contains(Lines(log), static line => line.Contains("Requests fail: the database is read-only (", StringComparison.Ordinal));
        await Eventually.TrueAsync(
            () => Lines(log)[^1].Contains("serves requests again", StringComparison.Ordinal), "the recovery is logged");
        Assert.DoesNotContain(log.Lines, static line => line.Contains("   at ", StringComparison.Ordinal));
    }

    [Fact]
    public async Task AnOutageUnderLoadIsTwoLinesAndACount()
    {
        using var detour = new PostgresDetour();
        var name = NewDatabase();
        await using var edge = await EdgeProcess.StartAsync(
            _directory, new Dictionary<string, string> { ["ControlPlane__Database"] = $"{detour.Server};Database={name}" },
            Settings("one"));
        using var http = new HttpClient { BaseAddress = edge.UrlOf("public") };
        http.DefaultRequestHeaders.Add("Coder-Session-Token", Bootstrapped.AgentToken(Path.Combine(_directory, "one", "bootstrap.json")));
        using var admin = new HttpClient { BaseAddress = edge.UrlOf("admin") };
        Assert.Equal((200, "OK\n"), await AskAsync(admin, "/readyz"));

        // Another node on the same database has no token to offer.
        await using (var second = await EdgeProcess.StartAsync(
            _directory, new Dictionary<string, string> { ["ControlPlane__Database"] = $"{TestDatabase.Server};Database={name}" },
            Settings("two")))
        {
            Assert.DoesNotContain("session_token", second.Output, StringComparison.Ordinal);
            Assert.Contains("/api/v2/buildinfo", second.Output, StringComparison.Ordinal);
            Assert.Contains("session_token", edge.Output, StringComparison.Ordinal);
        }

        detour.Close();
        await Eventually.TrueAsync(
            async () => await AskAsync(admin, "/readyz") == (503, "the database cannot be reached\n"), "the node is not ready");
        Assert.Equal(503, (await AskAsync(http, "/healthz")).Status);
        var load = Enumerable.Range(0, 4).Select(async _ =>
        {
            for (var i = 0; i < 50; i++)
            {
                using var answer = await http.PatchAsJsonAsync(
                    "/api/v2/workspaceagents/me/logs", new { logs = new[] { new { created_at = "2026-01-01T00:00:00Z", output = "x" } } });
                Assert.Equal(HttpStatusCode.ServiceUnavailable, answer.StatusCode);
            }
        });
        await Task.WhenAll(load).WaitAsync(ApiServer.Patience, TestContext.Current.CancellationToken);
        Assert.Matches(@"(?m)^controlplane_database_healthy\S* 0\b", (await AskAsync(admin, "/metrics")).Body);
        detour.Open();

        await Eventually.TrueAsync(async () => (await AskAsync(admin, "/readyz")).Status == 200, "the node is ready again");
        await Eventually.TrueAsync(() => edge.Output.Contains("serves requests again", StringComparison.Ordinal), "the recovery is logged");
        var log = edge.Output.Split('\n').Where(static line => line.Contains(": ControlPlane.Storage", StringComparison.Ordinal));
        Assert.Collection(
            log,
            static lost => Assert.Matches(@"Requests fail: the database (cannot be reached|does not answer in time) \(", lost),
            static back => Assert.Contains("serves requests again", back, StringComparison.Ordinal));
        var failures =
            Regex.Match((await AskAsync(admin, "/metrics")).Body, @"(?m)^controlplane_database_failures_total\S* (\d+)").Groups[1].Value;
        Assert.True(int.Parse(failures, CultureInfo.InvariantCulture) >= 200, failures);
    }

    [Fact]
    public async Task OfSeveralHostsOneThatTakesWritesIsUsed()
    {
        // A standby is what says that its transactions are read-only: here a database of that setting, by the first host alone.
        using var detour = new PostgresDetour();
        var name = NewDatabase();
        TestDatabase.Execute(TestDatabase.Server!, $"ALTER DATABASE {name} SET default_transaction_read_only = on");
        using var engine = new PostgresEngine($"Host=127.0.0.1,127.0.0.1;Port={detour.Port};Username=edge;Database={name}");

        var error = await Assert.ThrowsAnyAsync<Npgsql.NpgsqlException>(() => engine.ProbeAsync(TestContext.Current.CancellationToken));

        Assert.Equal(DatabaseFault.Unreachable, engine.FaultOf(error));
        TestDatabase.Execute(TestDatabase.Server!, $"ALTER DATABASE {name} RESET default_transaction_read_only");
        using var later = new PostgresEngine($"Host=127.0.0.1,127.0.0.1;Port={detour.Port};Username=edge;Database={name}");
        Assert.Equal(DatabaseFault.SchemaMismatch, await later.ProbeAsync(TestContext.Current.CancellationToken));
    }

    [Theory]
    [InlineData("Host=a;Target Session Attributes=primary", false)]
    [InlineData("Host=a,b;Target Session Attributes=primary", true)]
    [InlineData("Host=a,b", true)]
    public void TargetSessionAttributesAreOfSeveralHosts(string text, bool isValid)
    {
        Assert.Equal(isValid, PostgresSetting.IsValid(text, out var fault));
        Assert.Equal(isValid ? null : "Target Session Attributes needs several hosts", fault);
        if (isValid)
        {
            new PostgresEngine(text).Dispose();
        }
    }

    [Fact]
    public void StatementsArePreparedUnlessTheConnectionStringSaysOtherwise()
    {
        foreach (var (keywords, prepared) in new[] { ("", 1L), (";Max Auto Prepare=0", 0L) })
        {
            using var engine = new PostgresEngine(TestDatabase.Server + keywords);
            using var connection = engine.Rent();
            for (var i = 0; i < 6; i++)
            {
                connection.Count("SELECT 4711");
            }

            Assert.Equal(prepared, connection.Count("SELECT count(*) FROM pg_prepared_statements WHERE statement = 'SELECT 4711'"));
        }
    }

    private static string[] Settings(string node) =>
        [
            "--Edge:Mode=api", $"--Edge:DataDirectory={node}", "--Edge:RateLimit:PerMinute=0", "--urls", "http://127.0.0.1:0",
            "--Edge:Admin:Url=http://127.0.0.1:0",
        ];

    /// <summary>One that only this test sees.</summary>
    private static string NewDatabase(string how = "")
    {
        var name = "health" + Guid.NewGuid().ToString("N");
        TestDatabase.Execute(TestDatabase.Server!, $"CREATE DATABASE {name} {how}");
        return name;
    }

    private static string[] Lines(CapturedLog log) =>
        [.. log.Lines.Where(static line => line.Contains(nameof(DatabaseHealth), StringComparison.Ordinal))];

    private static async Task<(int Status, string Body)> HealthAsync(ApiServer server)
    {
        var answer = await server.GetAsync("/healthz");
        return (answer.Status, answer.Body);
    }

    private static async Task<(int Status, string Body)> AskAsync(HttpClient client, string path)
    {
        using var answer = await client.GetAsync(path, TestContext.Current.CancellationToken);
        return ((int)answer.StatusCode, await answer.Content.ReadAsStringAsync(TestContext.Current.CancellationToken));
    }

    private Task<ApiServer> StartAsync(string name, CapturedLog? log) => ApiServer.StartAsync(
        directory => new ControlPlaneOptions { DataDirectory = directory, Database = $"{TestDatabase.Server};Database={name}" },
        directory: _directory, log: log);
}
