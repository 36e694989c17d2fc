using ControlPlane.Storage;
using Microsoft.Data.Sqlite;
using SQLitePCL;

namespace ControlPlane.Tests;

/// <summary>The bytes by which a commit is seen without asking SQLite.</summary>
public sealed class SqliteWalIndexTests : IDisposable
{
    private readonly string _directory = ApiServer.NewDirectory();
    private readonly SqliteConnection _writer;
    private readonly SqliteConnection _looker;

    public SqliteWalIndexTests()
    {
        _writer = Open();
        _looker = Open();
        _writer.Execute("PRAGMA journal_mode = WAL");
        _writer.Execute("CREATE TABLE x (y INTEGER)");
    }

    public void Dispose()
    {
        _looker.Dispose();
        _writer.Dispose();
        Directory.Delete(_directory, recursive: true);
    }

    [Fact]
    public void EachCommitMakesAnotherHeader()
    {
        var index = Look();
        var seen = new HashSet<string>();
        for (var i = 0; i < 3000; i++)
        {
            var before = Header(index);
            Assert.True(seen.Add(Convert.ToHexString(before)));
            _writer.Execute("INSERT INTO x (y) VALUES (1)");
            Assert.False(index.Is(before));
        }

        // The log began again meanwhile, and more than once.
        Assert.True(new FileInfo(Path.Combine(_directory, "x.db-wal")).Length < 3000 * 4096);
    }

    [Fact]
    public void ReadingAndWhatIsGivenUpLeaveItAsItIs()
    {
        var index = Look();
        var before = Header(index);
        Assert.True(index.Is(before));
        using (var transaction = _writer.BeginTransaction())
        {
            _writer.Execute("INSERT INTO x (y) VALUES (1)");
            Assert.Equal(0, _looker.Count("SELECT count(*) FROM x"));
            Assert.True(index.Is(before));
            transaction.Rollback();
        }

        Assert.True(index.Is(before));
        Assert.Equal(0, _looker.Count("SELECT count(*) FROM x"));
        Assert.True(index.Is(before));
    }

    [Fact]
    public void ALogThatIsPutIntoTheFileAndCutHidesNoCommit()
    {
        var index = Look();
        for (var i = 0; i < 20; i++)
        {
            _writer.Execute("INSERT INTO x (y) VALUES (1)");
            var before = Header(index);
            _writer.Execute("PRAGMA wal_checkpoint(TRUNCATE)");
            _writer.Execute("INSERT INTO x (y) VALUES (1)");
            Assert.False(index.Is(before));
        }
    }

    [Fact]
    public void AFileWithoutALogHasNone()
    {
        using var other = Open("y.db");
        other.Execute("CREATE TABLE x (y INTEGER)");
        other.Count("SELECT count(*) FROM x");
        Assert.Null(SqliteWalIndex.Of(other.Handle!));
    }

    [Fact]
    public void AMarkIsAskedForOnceAfterACommit()
    {
        _writer.Execute("CREATE TABLE agent_token_mark (mark INTEGER); INSERT INTO agent_token_mark VALUES (7)");
        using var changes = new SqliteChanges(_looker);
        var statements = new List<string>();
        raw.sqlite3_trace(_looker.Handle, (_, sql) => statements.Add(sql), null);
        for (var commit = 0; commit < 3; commit++)
        {
            var mark = changes.Mark();
            for (var i = 0; i < 10; i++)
            {
                Assert.Equal(7, changes.AgentTokenMark());
                Assert.Equal(mark, changes.Mark());
            }

            Assert.Equal(["PRAGMA data_version", "SELECT mark FROM agent_token_mark"], statements);
            statements.Clear();
            _writer.Execute("INSERT INTO x (y) VALUES (1)");
        }
    }

    private SqliteWalIndex Look()
    {
        _looker.Count("SELECT count(*) FROM x");
        var index = SqliteWalIndex.Of(_looker.Handle!);
        Assert.NotNull(index);
        return index;
    }

    private static byte[] Header(SqliteWalIndex index)
    {
        var header = new byte[SqliteWalIndex.HeaderLength];
        index.CopyTo(header);
        return header;
    }

    private SqliteConnection Open(string file = "x.db")
    {
        var connection = new SqliteConnection($"Data Source={Path.Combine(_directory, file)};Pooling=False");
        connection.Open();
        return connection;
    }
}
