using System.Data.Common;
using ControlPlane.Http;
using ControlPlane.Storage;

namespace ControlPlane.AgentMetadata;

/// <summary>Stores the latest value of each metadata key of agents.</summary>
internal sealed class MetadataStore(Database database, ControlPlaneOptions options, TimeProvider time)
{
    /// <summary>The longest key, in characters.</summary>
    public const int MaxKeyCharacters = 128;

    /// <summary>The longest value, and the longest error, in bytes of UTF-8. Longer ones are truncated, and the error reports it.</summary>
    public const int MaxValueBytes = 2048;

    /// <summary>
    /// Stores all values or none. The time of collection is the server's, because clocks of workspaces cannot be trusted.
    /// </summary>
    /// <param name="agentId">The agent's id.</param>
    /// <param name="values">The values, whose keys are no longer than <see cref="MaxKeyCharacters"/>.</param>
    /// <param name="cancellationToken">Ends the wait for the write lock.</param>
    /// <returns>False if the agent would exceed <see cref="ControlPlaneOptions.MaxMetadataPerAgent"/>.</returns>
    public Task<bool> SetAsync(Guid agentId, IReadOnlyCollection<MetadataValue> values, CancellationToken cancellationToken) =>
        database.WriteAsync(
            connection =>
            {
                var keys = connection.List(
                    "SELECT key FROM agent_metadata WHERE agent_id = @agent",
                    static reader => reader.Text("key"),
                    ("@agent", agentId)).ToHashSet();
                var added = values.Count(value => keys.Add(StoredText.Sanitise(value.Key)));
                if (added > 0 && keys.Count > options.MaxMetadataPerAgent)
                {
                    return false;
                }

                foreach (var value in values)
                {
                    Set(connection, agentId, value);
                }

                return true;
            },
            cancellationToken);

    private void Set(DbConnection connection, Guid agentId, MetadataValue value)
    {
        var (text, error) = Fit(value);
        connection.Execute(
            """
            INSERT INTO agent_metadata (agent_id, key, collected_at, value, error) VALUES (@agent, @key, @now, @value, @error)
            ON CONFLICT (agent_id, key) DO UPDATE SET
                collected_at = excluded.collected_at, value = excluded.value, error = excluded.error
            """,
            ("@agent", agentId),
            ("@key", StoredText.Sanitise(value.Key)),
            ("@now", time.GetUtcNow()),
            ("@value", text),
            ("@error", error));
    }

    private static (string Value, string Error) Fit(MetadataValue value)
    {
        var (text, error) = (StoredText.Sanitise(value.Value), StoredText.Sanitise(value.Error));
        var (valueBytes, errorBytes) = (Utf8Text.Count(text), Utf8Text.Count(error));
        return (
            Truncate(text, valueBytes),
            errorBytes > MaxValueBytes ? FormattableString.Invariant($"error of {errorBytes} bytes exceeded {MaxValueBytes} bytes")
            : valueBytes > MaxValueBytes ? FormattableString.Invariant($"value of {valueBytes} bytes exceeded {MaxValueBytes} bytes")
            : error);
    }

    private static string Truncate(string text, int bytes)
    {
        if (bytes <= MaxValueBytes)
        {
            return text;
        }

        var (end, used) = (0, 0);
        foreach (var rune in text.EnumerateRunes())
        {
            used += rune.Utf8SequenceLength;
            if (used > MaxValueBytes)
            {
                break;
            }

            end += rune.Utf16SequenceLength;
        }

        return text[..end];
    }
}

/// <summary>A metadata value, or the error of its collection.</summary>
internal sealed record MetadataValue(string Key, string Value, string Error);
