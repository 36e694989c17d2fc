using System.Text.Json;
using System.Text.Json.Serialization;
using Edge.Settings;

namespace Edge.Derp.Rates;

/// <summary>
/// derper's file for <c>-rate-config</c> (derp.md §3.11), with the two fields for all clients together that its releases of spring 2026
/// had. Names in any case; one that nobody knows is refused, because a misspelt limit is none.
/// </summary>
internal static class RateConfigFile
{
    /// <exception cref="SettingsException">It cannot be read, or says something else.</exception>
    public static DerpRates Read(string path)
    {
        try
        {
            return Parse(File.ReadAllBytes(path));
        }
        catch (Exception error) when (error is JsonException or IOException or UnauthorizedAccessException)
        {
            throw new SettingsException(DerpRateSettings.ConfigFileName, path, $"it must be a JSON file as derper's -rate-config ({error.Message})");
        }
    }

    /// <exception cref="JsonException">It is not such a file.</exception>
    internal static DerpRates Parse(ReadOnlySpan<byte> json)
    {
        var content = JsonSerializer.Deserialize(json, RateConfigJson.Default.Content) ?? throw new JsonException("it is null");
        long[] all = [content.PerClientRateLimitBytesPerSec, content.PerClientRateBurstBytes, content.GlobalRateLimitBytesPerSec, content.GlobalRateBurstBytes];
        return all.All(static number => number is >= 0 and <= DerpRates.Most)
            ? new DerpRates(DerpRates.Limit(all[0], all[1]), DerpRates.Limit(all[2], all[3]))
            : throw new JsonException($"its numbers must be from 0 to {DerpRates.Most}");
    }

    internal sealed record Content(
        long PerClientRateLimitBytesPerSec, long PerClientRateBurstBytes, long GlobalRateLimitBytesPerSec, long GlobalRateBurstBytes);
}

[JsonSourceGenerationOptions(PropertyNameCaseInsensitive = true, UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow)]
[JsonSerializable(typeof(RateConfigFile.Content))]
internal sealed partial class RateConfigJson : JsonSerializerContext;
