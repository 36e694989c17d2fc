using System.Text;
using Microsoft.Extensions.Logging;

namespace ControlPlane.ExternalAuth;

/// <summary>Reads the token that all users of a provider share, from the provider's file.</summary>
internal static partial class TokenFile
{
    /// <summary>Reads the token. A file that cannot be read, or contains no valid token, is logged, and the result is null.</summary>
    public static async Task<ExternalAuthToken?> ReadAsync(string path, ILogger logger, CancellationToken cancellationToken)
    {
        try
        {
            await using var file = File.OpenRead(path);
            var bytes = new byte[ExternalAuthToken.MaxCharacters + 2]; // + CR LF
            var length = await file.ReadAtLeastAsync(bytes, bytes.Length, throwOnEndOfStream: false, cancellationToken);
            var text = Encoding.UTF8.GetString(bytes, 0, length).Trim();
            if (ExternalAuthToken.IsUsable(text))
            {
                return new ExternalAuthToken(text);
            }

            Invalid(logger, path);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            ReadFailed(logger, path, exception);
        }

        return null;
    }

    [LoggerMessage(10, LogLevel.Warning, "The token file {Path} cannot be read.")]
    private static partial void ReadFailed(ILogger logger, string path, Exception exception);

    [LoggerMessage(11, LogLevel.Warning, "The token file {Path} must contain one line of printable ASCII without spaces.")]
    private static partial void Invalid(ILogger logger, string path);
}
