using System.CommandLine;
using System.Net.Http.Headers;
using System.Text;
using ControlPlane.Administration;
using Edge.Settings;

namespace Edge.Administration;

/// <summary>Runs a command of <c>Edge admin</c>: one request to a node's admin listener.</summary>
/// <param name="settings">The node's settings on the command line.</param>
/// <param name="input">The input for files named <c>-</c> and for answers to questions.</param>
internal sealed class AdminProgram(IReadOnlyList<string> settings, AdminInput input)
{
    /// <summary>The exit code for a wrong command line.</summary>
    public const int WrongUsage = 2;

    private const int Done = 0;
    private const int Refused = 1;
    private const int Unreachable = 3;

    private static readonly TimeSpan Timeout = TimeSpan.FromSeconds(30);

    private readonly Option<bool> _json = new("--json")
    {
        Description = "print the API's JSON instead of a table",
        Arity = ArgumentArity.Zero,
        Recursive = true,
    };

    private readonly Option<bool> _yes = new("--yes")
    {
        Description = "delete without confirmation; required without a terminal",
        Arity = ArgumentArity.Zero,
    };

    private readonly Option<Uri?> _url = new("--url")
    {
        Description = "the admin listener (default: Edge:Admin:Url of the node's settings)",
        HelpName = "URL",
        Recursive = true,
        CustomParser = static result => ApiAddress.Parse(result, "http://127.0.0.1:8081"),
    };

    private readonly Option<string?> _tokenFile = new("--token-file")
    {
        Description = "a file with the admin token, - for standard input (default: bootstrap.json in Edge:DataDirectory)",
        HelpName = "FILE",
        Recursive = true,
    };

    /// <summary>Adds the options of all commands.</summary>
    public void AddOptions(Command admin)
    {
        admin.Add(_json);
        admin.Add(_url);
        admin.Add(_tokenFile);
    }

    /// <summary>Sets a command's action.</summary>
    public void Serve(AdminCommand command)
    {
        if (command.Asks)
        {
            command.Add(_yes);
        }

        command.SetAction((result, cancellation) => RunAsync(command, result, cancellation));
    }

    private async Task<int> RunAsync(AdminCommand command, ParseResult result, CancellationToken cancellation)
    {
        var errors = result.InvocationConfiguration.Error;
        try
        {
            if (command.Asks && !result.GetValue(_yes) && !input.CanAsk)
            {
                await errors.WriteLineAsync(
                    "edge: a deletion cannot be undone, and there is no terminal to ask for confirmation; add --yes");
                return WrongUsage;
            }

            var target = AdminTarget.Find(result.GetValue(_url), result.GetValue(_tokenFile), settings, input);
            if (command.Asks && !result.GetValue(_yes) && !await AgreesAsync(command.Question(result), errors, cancellation))
            {
                await errors.WriteLineAsync("edge: nothing was deleted");
                return Refused;
            }

            return await SendAsync(command, result, target, cancellation);
        }
        catch (SettingsException error)
        {
            await errors.WriteLineAsync($"edge: {error.Message}");
            return WrongUsage;
        }
    }

    private async Task<int> SendAsync(AdminCommand command, ParseResult result, AdminTarget target, CancellationToken cancellation)
    {
        var (path, body) = command.Request(result);
        var (output, errors) = (result.InvocationConfiguration.Output, result.InvocationConfiguration.Error);
        var isJson = result.GetValue(_json);
        using var handler = new SocketsHttpHandler { UseProxy = false, AllowAutoRedirect = false, UseCookies = false };
        using var client = new HttpClient(handler) { Timeout = Timeout };
        using var request = new HttpRequestMessage(command.Method, new Uri(target.Url, AdministrationApi.Root + path));
        request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", target.Token);
        if (body is not null)
        {
            request.Content = new StringContent(body.ToJsonString(), Encoding.UTF8, "application/json");
        }

        string answer;
        bool done;
        try
        {
            using var response = await client.SendAsync(request, cancellation);
            (answer, done) = (await response.Content.ReadAsStringAsync(cancellation), response.IsSuccessStatusCode);
        }
        catch (Exception error) when (error is HttpRequestException or OperationCanceledException)
        {
            await errors.WriteLineAsync($"edge: {target.Url} does not answer: {error.Message}");
            return Unreachable;
        }

        if (!done)
        {
            var refusal = ApiErrorText.Of(answer) ?? "the admin listener refused the request without a reason";
            await errors.WriteLineAsync(isJson ? answer.TrimEnd() : $"edge: {refusal}");
            return Refused;
        }

        await output.WriteAsync(isJson || answer.Length == 0 ? answer
            : ApiErrorText.TryParse(answer) is not { } json ? answer
            : command.List is var (property, columns) ? AdminOutput.Table(json, property, columns)
            : AdminOutput.Lines(json));
        return Done;
    }

    private async Task<bool> AgreesAsync(string question, TextWriter errors, CancellationToken cancellation)
    {
        await errors.WriteAsync(question);
        return (await input.Open().ReadLineAsync(cancellation))?.Trim().ToUpperInvariant() is "Y" or "YES";
    }
}
