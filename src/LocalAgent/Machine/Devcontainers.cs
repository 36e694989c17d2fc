using System.Security.Cryptography;
using System.Text;

namespace LocalAgent.Machine;

/// <summary>Finds devcontainers by the labels that the devcontainer CLI sets on their containers.</summary>
internal static class Devcontainers
{
    private const string FolderLabel = "devcontainer.local_folder";
    private const string ConfigLabel = "devcontainer.config_file";

    /// <summary>One devcontainer for each workspace folder, with its running or else its newest container.</summary>
    public static IReadOnlyList<Devcontainer> Find(IEnumerable<AgentContainer> containers) => [.. containers
        .Where(static container => container.Labels.GetValueOrDefault(FolderLabel) is { Length: > 0 })
        .GroupBy(static container => container.Labels[FolderLabel])
        .OrderBy(static folder => folder.Key, StringComparer.Ordinal)
        .Select(static folder => Of(folder.Key, folder
            .OrderByDescending(static container => container.Running)
            .ThenByDescending(static container => container.CreatedAt)
            .First()))];

    private static Devcontainer Of(string folder, AgentContainer container)
    {
        var config = container.Labels.GetValueOrDefault(ConfigLabel);
        return new Devcontainer(
            IdOf(folder),
            Path.GetFileName(folder.TrimEnd('/')) is { Length: > 0 } name ? name : folder,
            folder,
            config,
            container.Running ? "running" : "stopped",
            IsNewer(config, container.CreatedAt),
            container);
    }

    private static bool IsNewer(string? config, DateTimeOffset createdAt) =>
        File.Exists(config) && File.GetLastWriteTimeUtc(config) > createdAt.UtcDateTime;

    // A UUID of version 8 (RFC 9562 §5.8): the folder alone decides it, so it is the same in every process and is not stored.
    private static Guid IdOf(string folder)
    {
        var hash = SHA256.HashData(Encoding.UTF8.GetBytes(folder)).AsSpan(0, 16);
        hash[6] = (byte)((hash[6] & 0x0F) | 0x80);
        hash[8] = (byte)((hash[8] & 0x3F) | 0x80);
        return new Guid(hash, bigEndian: true);
    }
}
