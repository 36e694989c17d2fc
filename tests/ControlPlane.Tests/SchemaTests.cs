using System.Text.RegularExpressions;
using ControlPlane.Storage.Schema;

namespace ControlPlane.Tests;

/// <summary>The schema files of SQLite and PostgreSQL define the same tables.</summary>
public sealed partial class SchemaTests
{
    private static readonly Dictionary<string, string> Types = new()
    {
        ["BIGINT"] = "INTEGER",
        ["DOUBLE"] = "REAL",
        ["BYTEA"] = "BLOB",
    };

    [Fact]
    public void BothFilesDefineTheSameTablesAndColumns()
    {
        var (sqlite, postgres) = (SchemaFile.Read("sqlite.sql"), SchemaFile.Read("postgres.sql"));
        Assert.Equal(Columns(sqlite), Columns(postgres));
        Assert.Contains("workspace_agents.motd_file TEXT not null, default ''", Columns(sqlite));
        Assert.Equal(Indexes(sqlite), Indexes(postgres));
        Assert.Equal(Constraints(sqlite), Constraints(postgres));
    }

    /// <summary>Each column as <c>table.column TYPE</c>, with whether it may be null and what it is without a value.</summary>
    private static List<string> Columns(string sql)
    {
        var columns = new List<string>();
        foreach (Match table in Table().Matches(sql))
        {
            foreach (Match column in Column().Matches(table.Groups["body"].Value))
            {
                var (type, rest) = (column.Groups["type"].Value, column.Groups["rest"].Value);
                var standard = Default().Match(rest) is { Success: true } found ? $", default {found.Groups[1].Value}" : "";
                columns.Add($"{table.Groups["name"].Value}.{column.Groups["name"].Value} {Types.GetValueOrDefault(type, type)}"
                    + (rest.Contains("NOT NULL", StringComparison.Ordinal) ? " not null" : "") + standard);
            }
        }

        Assert.True(columns.Count > 100);
        return columns;
    }

    private static List<string> Indexes(string sql) => [.. Index().Matches(sql).Select(static index => index.Value)];

    /// <summary>References, keys and lists of allowed values, which both databases write alike.</summary>
    private static List<string> Constraints(string sql) => [.. Constraint().Matches(sql).Select(static constraint => constraint.Value)];

    [GeneratedRegex(@"^CREATE TABLE (?<name>\w+) \(\n(?<body>.*?)^\)", RegexOptions.Multiline | RegexOptions.Singleline)]
    private static partial Regex Table();

    [GeneratedRegex(@"^    (?<name>[a-z_]+) +(?<type>[A-Z]+)(?<rest>.*)$", RegexOptions.Multiline)]
    private static partial Regex Column();

    [GeneratedRegex(@"\bDEFAULT ('[^']*'|\S+?)(?=,|\s|$)")]
    private static partial Regex Default();

    [GeneratedRegex(@"^CREATE INDEX .*$", RegexOptions.Multiline)]
    private static partial Regex Index();

    [GeneratedRegex(
        @"REFERENCES \w+ \(\w+\)( ON DELETE CASCADE)?|^    (PRIMARY KEY|UNIQUE) \(.*?\)|CHECK \(\w+ IN \(.*?\)\)|\bUNIQUE\b",
        RegexOptions.Multiline | RegexOptions.Singleline)]
    private static partial Regex Constraint();
}
