using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using ControlPlane.Administration;
using Edge.Settings;

namespace Edge.Administration;

/// <summary>The <c>admin</c> command: one request to a node's admin listener.</summary>
internal static class AdminProgram
{
    private const int Done = 0;
    private const int Refused = 1;
    private const int WrongUsage = 2;
    private const int Unreachable = 3;

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    /// <summary>Returns the exit code: 0 done, 1 refused, 2 wrong usage, 3 the admin listener does not answer.</summary>
    /// <param name="args">The command line behind <c>admin</c>.</param>
    /// <param name="input">Files named <c>-</c>, and answers to questions.</param>
    /// <param name="canAsk">Whether a person is at <paramref name="input"/>: a command that deletes asks there.</param>
    /// <param name="output">Answers.</param>
    /// <param name="errors">Questions and refusals.</param>
    public static async Task<int> RunAsync(string[] args, TextReader input, bool canAsk, TextWriter output, TextWriter errors)
    {
        try
        {
            var arguments = AdminArguments.Parse(args);
            var names = arguments.Positional;
            if (names.Count == 0 || AdminCommands.All.All(command => command.Noun != names[0]))
            {
                return names.Count == 0
                    ? await HelpAsync(arguments, output, errors, AdminHelp.Of(noun: null))
                    : throw new AdminUsageException($"there is no command {names[0]}; there are {Names(AdminCommands.All.Select(static command => command.Noun))}");
            }

            if (names.Count == 1)
            {
                return await HelpAsync(arguments, output, errors, AdminHelp.Of(names[0]));
            }

            var command = AdminCommands.All.FirstOrDefault(command => command.Noun == names[0] && command.Verb == names[1])
                ?? throw new AdminUsageException(
                    $"there is no command {names[0]} {names[1]}; there are {Names(AdminCommands.All.Where(command => command.Noun == names[0]).Select(static command => command.Verb))}");
            names.RemoveRange(0, 2);
            return arguments.Help
                ? await HelpAsync(arguments, output, errors, AdminHelp.Of(command))
                : await SendAsync(command, arguments, input, canAsk, output, errors);
        }
        catch (Exception error) when (error is AdminUsageException or SettingsException)
        {
            await errors.WriteLineAsync($"edge: {error.Message} (Edge admin --help)");
            return WrongUsage;
        }
    }

    private static async Task<int> SendAsync(
        AdminCommand command, AdminArguments arguments, TextReader input, bool canAsk, TextWriter output, TextWriter errors)
    {
        string Read(string file) => ReadFile(file, input);
        var (path, body) = arguments.Request(command, Read);
        var target = AdminTarget.Find(arguments, Read);
        if (command.Asks && !arguments.Yes && !await AgreesAsync(arguments.Question(command), input, canAsk, errors))
        {
            await errors.WriteLineAsync("edge: nothing was deleted");
            return Refused;
        }

        using var client = new HttpClient(new SocketsHttpHandler { UseProxy = false, AllowAutoRedirect = false, UseCookies = false }) { Timeout = Patience };
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
            using var response = await client.SendAsync(request);
            (answer, done) = (await response.Content.ReadAsStringAsync(), response.IsSuccessStatusCode);
        }
        catch (Exception error) when (error is HttpRequestException or OperationCanceledException)
        {
            await errors.WriteLineAsync($"edge: {target.Url} does not answer: {error.Message}");
            return Unreachable;
        }

        if (!done)
        {
            await errors.WriteLineAsync(arguments.Json ? answer.TrimEnd() : $"edge: {Describe(answer)}");
            return Refused;
        }

        await output.WriteAsync(arguments.Json || answer.Length == 0 ? answer
            : TryParse(answer) is not { } json ? answer
            : command.List is var (property, columns) ? AdminOutput.Table(json, property, columns)
            : AdminOutput.Lines(json));
        return Done;
    }

    private static async Task<bool> AgreesAsync(string question, TextReader input, bool canAsk, TextWriter errors)
    {
        if (!canAsk)
        {
            throw new AdminUsageException("this deletes for good, and there is no terminal to ask at: add --yes");
        }

        await errors.WriteAsync(question);
        return (await input.ReadLineAsync())?.Trim().ToUpperInvariant() is "Y" or "YES";
    }

    /// <summary>The error in a line: message, detail, and what is wrong with which field.</summary>
    private static string Describe(string answer)
    {
        if (TryParse(answer) is not JsonObject error)
        {
            return "the admin listener refused, and did not say why";
        }

        var validations = (error["validations"] as JsonArray ?? []).Select(static one => $"{one?["field"]} {one?["detail"]}");
        return string.Join(' ', [$"{error["message"]}", $"{error["detail"]}", .. validations]).Replace("  ", " ", StringComparison.Ordinal).Trim();
    }

    private static JsonNode? TryParse(string text)
    {
        try
        {
            return JsonNode.Parse(text);
        }
        catch (JsonException)
        {
            return null;
        }
    }

    private static string ReadFile(string file, TextReader input)
    {
        try
        {
            return file == "-" ? input.ReadToEnd() : File.ReadAllText(file);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new AdminUsageException($"{file} cannot be read: {error.Message}");
        }
    }

    /// <summary>Help that was asked for is what the command does; otherwise something was missing.</summary>
    private static async Task<int> HelpAsync(AdminArguments arguments, TextWriter output, TextWriter errors, string text)
    {
        await (arguments.Help ? output : errors).WriteAsync(text);
        return arguments.Help ? Done : WrongUsage;
    }

    private static string Names(IEnumerable<string> names) => string.Join(", ", names.Distinct());
}
