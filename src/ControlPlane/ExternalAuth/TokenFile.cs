using System.Text;
using Microsoft.Extensions.Logging;

namespace ControlPlane.ExternalAuth;

/// <summary>Reads the token that a provider's file has for everybody.</summary>
internal static partial class TokenFile
{
    /// <summary>Null, and a line in the log, when the file cannot be read or holds no token.</summary>
    public static async Task<ExternalAuthToken?> ReadAsync(string path, ILogger logger, CancellationToken cancellationToken)
    {
        try
        {
            await using var file = File.OpenRead(path);
            var bytes = new byte[ExternalAuthToken.MaxCharacters + 2]; // and a line end
            var length = await file.ReadAtLeastAsync(bytes, bytes.Length, throwOnEndOfStream: false, cancellationToken);
            var text = Encoding.UTF8.GetString(bytes, 0, length).Trim();
            if (ExternalAuthToken.IsUsable(text))
            {
                return new ExternalAuthToken(text);
            }

            NoToken(logger, path);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            NotRead(logger, path, exception);
        }

        return null;
    }

    [LoggerMessage(10, LogLevel.Warning, "The token file {Path} cannot be read.")]
    private static partial void NotRead(ILogger logger, string path, Exception exception);

    [LoggerMessage(11, LogLevel.Warning, "The token file {Path} does not hold one line of printable ASCII.")]
    private static partial void NoToken(ILogger logger, string path);
}
