using System.Text.Json;
using System.Text.Json.Serialization;
using Edge.Settings;

namespace Edge.Derp.Rates;

/// <summary>
/// Derper's file for <c>-rate-config</c> (derp.md §3.11), including the two fields for all clients together in its releases of
/// spring 2026. The case of names is ignored. Unknown names are refused: a misspelt limit would not limit anything.
/// </summary>
internal static class RateConfigFile
{
    /// <exception cref="SettingsException">The file cannot be read or is malformed.</exception>
    public static DerpRates Read(string path)
    {
        try
        {
            return Parse(File.ReadAllBytes(path));
        }
        catch (Exception error) when (error is JsonException or IOException or UnauthorizedAccessException)
        {
            throw new SettingsException(
                DerpRateSettings.ConfigFileName, path, $"the file must be JSON as for derper's -rate-config ({error.Message})");
        }
    }

    /// <exception cref="JsonException">The text is malformed, or a number is out of range.</exception>
    internal static DerpRates Parse(ReadOnlySpan<byte> json)
    {
        var content = JsonSerializer.Deserialize(json, RateConfigJson.Default.Content) ?? throw new JsonException("the content is null");
        long[] all =
        [
            content.PerClientRateLimitBytesPerSec,
            content.PerClientRateBurstBytes,
            content.GlobalRateLimitBytesPerSec,
            content.GlobalRateBurstBytes,
        ];
        return all.All(static number => number is >= 0 and <= DerpRates.Most)
            ? new DerpRates(DerpRates.Limit(all[0], all[1]), DerpRates.Limit(all[2], all[3]))
            : throw new JsonException($"the numbers must be from 0 to {DerpRates.Most}");
    }

    internal sealed record Content(
        long PerClientRateLimitBytesPerSec, long PerClientRateBurstBytes, long GlobalRateLimitBytesPerSec, long GlobalRateBurstBytes);
}

[JsonSourceGenerationOptions(PropertyNameCaseInsensitive = true, UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow)]
[JsonSerializable(typeof(RateConfigFile.Content))]
internal sealed partial class RateConfigJson : JsonSerializerContext;
