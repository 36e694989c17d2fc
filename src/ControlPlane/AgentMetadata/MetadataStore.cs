using ControlPlane.Http;
using ControlPlane.Storage;

namespace ControlPlane.AgentMetadata;

/// <summary>The latest value of each thing that agents collect.</summary>
internal sealed class MetadataStore(Database database, ControlPlaneOptions options, TimeProvider time)
{
    /// <summary>The longest key, in characters.</summary>
    public const int MaxKeyCharacters = 128;

    /// <summary>The longest value, and the longest error, in bytes of UTF-8; the rest is cut off, and the error says so.</summary>
    public const int MaxValueBytes = 2048;

    /// <summary>
    /// Stores the values, all or none, as collected now: clocks of workspaces are not to be trusted. False when the agent would have more
    /// keys than it may.
    /// </summary>
    /// <param name="agentId">Whose they are.</param>
    /// <param name="values">The values, whose keys are no longer than <see cref="MaxKeyCharacters"/>.</param>
    /// <param name="cancellationToken">Stops waiting for other writers.</param>
    public Task<bool> SetAsync(Guid agentId, IReadOnlyCollection<MetadataValue> values, CancellationToken cancellationToken) => database.WriteAsync(
        connection =>
        {
            var keys = connection.List(
                "SELECT key FROM agent_metadata WHERE agent_id = @agent", static reader => reader.Text("key"), ("@agent", agentId)).ToHashSet();
            var added = values.Count(value => keys.Add(StoredText.Sanitise(value.Key)));
            if (added > 0 && keys.Count > options.MaxMetadataPerAgent)
            {
                return false;
            }

            foreach (var value in values)
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

            return true;
        },
        cancellationToken);

    private static (string Value, string Error) Fit(MetadataValue value)
    {
        var (text, error) = (StoredText.Sanitise(value.Value), StoredText.Sanitise(value.Error));
        var (valueBytes, errorBytes) = (Utf8Text.Count(text), Utf8Text.Count(error));
        return (
            Cut(text, valueBytes),
            errorBytes > MaxValueBytes ? FormattableString.Invariant($"error of {errorBytes} bytes exceeded {MaxValueBytes} bytes")
            : valueBytes > MaxValueBytes ? FormattableString.Invariant($"value of {valueBytes} bytes exceeded {MaxValueBytes} bytes")
            : error);
    }

    private static string Cut(string text, int bytes)
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

/// <summary>What an agent collected, or why it could not.</summary>
internal sealed record MetadataValue(string Key, string Value, string Error);
