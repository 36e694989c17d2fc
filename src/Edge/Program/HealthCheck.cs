using Edge.Settings;

namespace Edge.Program;

/// <summary>The <c>healthcheck</c> command, for containers without curl: asks the node of these settings whether it is ready.</summary>
internal static class HealthCheck
{
    private static readonly TimeSpan Timeout = TimeSpan.FromSeconds(5);

    /// <summary>Returns 0 when the node is ready, 1 otherwise.</summary>
    public static async Task<int> RunAsync(string[] settings, TextWriter errors)
    {
        using var configuration = EdgeConfiguration.Load(settings);
        var options = EdgeOptions.Read(new SettingsReader(configuration), configuration, Environment.CurrentDirectory);
        var url = new UriBuilder(options.LocalAdminUrl) { Path = "/readyz" };

        try
        {
            // The node runs on this machine, so a proxy from the environment must not be used.
            using var client = new HttpClient(new SocketsHttpHandler { UseProxy = false }) { Timeout = Timeout };
            using var answer = await client.GetAsync(url.Uri);
            if (answer.IsSuccessStatusCode)
            {
                return 0;
            }

            await errors.WriteLineAsync($"edge: not ready: {(await answer.Content.ReadAsStringAsync()).Trim()}");
        }
        catch (Exception error) when (error is HttpRequestException or OperationCanceledException)
        {
            await errors.WriteLineAsync($"edge: {url.Uri} does not answer: {error.Message}");
        }

        return 1;
    }
}
