using System.Net;
using System.Text.RegularExpressions;
using Microsoft.Playwright;

namespace TerminalSuite;

/// <summary>The terminal page in a real browser, with edge, API server and agent as processes of their own.</summary>
public sealed class TerminalPageTests : IAsyncLifetime
{
    private const string Chromium = "/usr/bin/chromium";

    private readonly TemporaryDirectory _directory = new();
    private readonly List<EdgeProcess> _processes = [];
    private IPlaywright _playwright = null!;
    private IBrowser _browser = null!;

    private string Data => _directory.File("data");

    private string Bootstrap => Path.Combine(Data, "bootstrap.json");

    public async ValueTask InitializeAsync()
    {
        Assert.True(File.Exists(Chromium), "Chromium is missing: suites/Terminal/install.sh");
        _playwright = await Playwright.CreateAsync();
        _browser = await _playwright.Chromium.LaunchAsync(new BrowserTypeLaunchOptions
        {
            ExecutablePath = Chromium,
            Args = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-dev-shm-usage"],
        });
    }

    public async ValueTask DisposeAsync()
    {
        if (_browser is not null)
        {
            await _browser.DisposeAsync();
        }

        _playwright?.Dispose();
        foreach (var process in _processes)
        {
            await process.DisposeAsync();
        }

        await using (await EdgeProcess.StartAsync(_directory.Path, "agent", "stop", $"--Edge:DataDirectory={Data}"))
        {
        }

        _directory.Dispose();
    }

    [Fact]
    public async Task ACommandsOutputIsSeenAndTheTerminalSurvivesARestartOfTheServer()
    {
        var port = Ports.Free();
        var server = await StartApiAsync(port);
        var edge = await StartAsync(
            "--Edge:Mode=edge", "--urls", "http://127.0.0.1:0", "--Edge:Admin:Url=http://127.0.0.1:0",
            $"--Edge:DataDirectory={_directory.File("edge")}", $"--Edge:Backends:0=http://127.0.0.1:{port}");
        var url = new Uri(edge.UrlOf("public"), $"/terminal/{Bootstrapped.AgentId(Bootstrap)}");
        var page = await _browser.NewPageAsync(new BrowserNewPageOptions { ViewportSize = new ViewportSize { Width = 900, Height = 420 } });
        var complaints = new List<string>();
        page.Console += (_, message) =>
        {
            if (message.Text.Contains("Content Security Policy", StringComparison.Ordinal))
            {
                complaints.Add(message.Text);
            }
        };
        await page.GotoAsync(url.AbsoluteUri);
        await page.FillAsync("#token", Bootstrapped.SessionToken(Bootstrap));
        await page.ClickAsync("text=Sign in");
        await page.WaitForSelectorAsync("#state[data-state=connected]");
        Assert.DoesNotContain("token", page.Url, StringComparison.Ordinal);
        Assert.Equal("", await page.EvaluateAsync<string>("document.cookie"));

        await page.ClickAsync("#screen");
        await page.Keyboard.TypeAsync("PS1='$ '; clear; answer=$((6*7)); echo the answer is $answer\n");
        await SeesAsync(page, "the answer is 42");

        await server.SignalAsync("TERM");
        await server.ExitAsync();
        await page.WaitForSelectorAsync("#state[data-state=paused]");
        await SeesAsync(page, "typing is discarded]");
        await StartApiAsync(port);
        await page.WaitForSelectorAsync("#state[data-state=connected]");
        await SeesAsync(page, "the answer is 42");
        Assert.False(await page.Locator(".xterm-rows").GetByText("typing is discarded").IsVisibleAsync());
        await page.Keyboard.TypeAsync("echo still here: $((answer+1))\n");
        await SeesAsync(page, "still here: 43");
        Assert.Equal("connected", await page.GetAttributeAsync("#state", "data-state"));
        if (Environment.GetEnvironmentVariable("SCREENSHOT") is { Length: > 0 } file)
        {
            await page.ScreenshotAsync(new PageScreenshotOptions { Path = file });
        }

        await page.SetViewportSizeAsync(600, 300);
        await page.Keyboard.TypeAsync("clear; stty size\n");
        await page.WaitForFunctionAsync("() => { const size = document.querySelector('.xterm-rows').innerText.match(/(\\d+) (\\d+)/); "
            + "return size && size[1] < 20 && size[2] < 75; }");

        await page.Keyboard.TypeAsync("exit\n");
        await page.WaitForSelectorAsync("#state[data-state=ended]");
        await SeesAsync(page, "[the shell has ended]");
        await page.ClickAsync("#fresh");
        await page.WaitForSelectorAsync("#state[data-state=connected]");
        Assert.Empty(complaints);

        await page.ClickAsync("text=Sign out");
        await page.WaitForSelectorAsync("#token");
    }

    [Fact]
    public async Task VimAndTopHaveTheScreenAndGiveItBack()
    {
        var server = await StartApiAsync(Ports.Free());
        var page = await SignInAsync(server.UrlOf("public"));
        await TypeAsync(page, "PS1='$ '; clear; echo before: $((6*7))");
        await SeesAsync(page, "before: 42");

        var file = _directory.File("written.txt");
        await TypeAsync(page, $"$(command -v vim || command -v vim.tiny) -u NONE -N {file}");
        await page.WaitForFunctionAsync(
            "() => document.querySelector('.xterm-rows').innerText.split('\\n').filter(line => line.trim() === '~').length > 5");
        Assert.DoesNotContain("before: 42", await TextAsync(page), StringComparison.Ordinal);
        await page.Keyboard.TypeAsync("ifrom vim");
        await SeesAsync(page, "from vim");
        await page.Keyboard.PressAsync("Escape");
        await TypeAsync(page, ":wq");
        await SeesAsync(page, "before: 42");
        Assert.DoesNotContain("~", await TextAsync(page), StringComparison.Ordinal);
        await Eventually.TrueAsync(() => File.Exists(file) && File.ReadAllText(file) == "from vim\n", "vim has written its file");

        await TypeAsync(page, "top; echo top has ended: $((6*8))");
        await SeesAsync(page, "load average");
        await SeesAsync(page, "PID USER");
        await page.Keyboard.TypeAsync("q");
        await SeesAsync(page, "top has ended: 48");
        await TypeAsync(page, "echo after: $((6*7+1))");
        await SeesAsync(page, "after: 43");
    }

    [Fact]
    public async Task AConnectionThatIsDeadDoesNotLookAlive()
    {
        var server = await StartApiAsync(Ports.Free());
        var page = await SignInAsync(server.UrlOf("public"));
        await page.Context.SetOfflineAsync(true);
        await page.WaitForSelectorAsync("#state[data-state=silent]");
        await page.Context.SetOfflineAsync(false);
        await page.WaitForSelectorAsync("#state[data-state=connected]");

        // Silence that lasts: typing without an echo is said to have none, and the server, which answers, is kept.
        await TypeAsync(page, "PS1='$ '; clear; stty -echo; echo quiet: $((6*7))");

        // The prompt is the shell's last output: it would be taken for an effect of what is typed next.
        await Eventually.TrueAsync(async () => Regex.IsMatch(await TextAsync(page), @"quiet: 42\s+\$"), "the shell waits");
        await page.EvaluateAsync("() => { const now = Date.now; Date.now = () => now() + window.ahead; window.ahead = 0; }");
        await page.Keyboard.TypeAsync("x");
        await page.EvaluateAsync("() => { window.ahead = 11000; }");
        await page.WaitForSelectorAsync("#state[data-state=silent]");
        await TypeAsync(page, "");
        await page.WaitForSelectorAsync("#state[data-state=connected]");

        // The page leaves a server that does not answer.
        await server.SignalAsync("STOP");
        await page.Keyboard.TypeAsync("x");
        await page.EvaluateAsync("() => { window.ahead = 22000; }");
        await page.WaitForFunctionAsync("() => document.querySelector('#state').dataset.state === 'connecting' || "
            + "document.querySelector('#state').dataset.state === 'reconnecting'");
        await server.SignalAsync("CONT");
        await page.WaitForSelectorAsync("#state[data-state=connected]");
    }

    [Fact]
    public async Task WhatIsWrongIsSaidAndNotTriedForEver()
    {
        var server = (await StartAsync(
            "--Edge:Mode=api", "--urls", "http://127.0.0.1:0", "--Edge:Admin:Url=http://127.0.0.1:0", $"--Edge:DataDirectory={Data}",
            "--ControlPlane:LocalAgent=off")).UrlOf("public");
        var page = await _browser.NewPageAsync();
        var sockets = 0;
        page.WebSocket += (_, _) => sockets++;
        await page.GotoAsync(new Uri(server, $"/terminal/{Bootstrapped.AgentId(Bootstrap)}").AbsoluteUri);
        await page.FillAsync("#token", "0123456789-0123456789012345678901");
        await page.ClickAsync("text=Sign in");
        await page.WaitForSelectorAsync(".wrong >> text=This session token is not valid.");

        // A server without a local agent, and an agent that does not exist.
        await page.FillAsync("#token", Bootstrapped.SessionToken(Bootstrap));
        await page.ClickAsync("text=Sign in");
        await page.WaitForSelectorAsync("#state[data-state=stopped] >> text=this one has none");
        await page.GotoAsync(new Uri(server, $"/terminal/{Guid.NewGuid()}").AbsoluteUri);
        await page.FillAsync("#token", Bootstrapped.SessionToken(Bootstrap));
        await page.ClickAsync("text=Sign in");
        await page.WaitForSelectorAsync("#state[data-state=stopped] >> text=does not exist, or is not yours");
        Assert.Equal(2, sockets);

        // Only when told to.
        await page.ClickAsync("#again");
        await page.WaitForSelectorAsync("#state[data-state=stopped]");
        Assert.Equal(3, sockets);
    }

    [Fact]
    public async Task AWithdrawnTokenLeadsToTheSignInForm()
    {
        var server = await StartApiAsync(Ports.Free());
        var page = await SignInAsync(server.UrlOf("public"));
        using var admin = new HttpClient { BaseAddress = server.UrlOf("admin") };
        admin.DefaultRequestHeaders.Authorization = new("Bearer", Bootstrapped.AdminToken(Bootstrap));
        var id = Bootstrapped.SessionToken(Bootstrap).Split('-')[0];
        using var deleted = await admin.DeleteAsync(new Uri($"/admin/v1/users/admin/tokens/{id}", UriKind.Relative));
        Assert.Equal(HttpStatusCode.NoContent, deleted.StatusCode);
        await page.WaitForSelectorAsync("#token");
        await page.WaitForSelectorAsync(".wrong >> text=You are signed out");
    }

    [Fact]
    public async Task AShellThatIsGoneIsNotReplacedWithoutAWord()
    {
        var server = await StartApiAsync(Ports.Free());
        var page = await SignInAsync(server.UrlOf("public"));
        await using (await EdgeProcess.StartAsync(_directory.Path, "agent", "stop", $"--Edge:DataDirectory={Data}"))
        {
        }

        await page.WaitForSelectorAsync("#state[data-state=ended] >> text=the shell is gone (the local agent has ended)");
        await page.ClickAsync("#fresh");
        await page.WaitForSelectorAsync("#state[data-state=connected]");
    }

    [Fact]
    public async Task EmojiTakeTwoColumnsTheTitleIsTheShellsAndTheKeysPaste()
    {
        var server = await StartApiAsync(Ports.Free());
        var page = await SignInAsync(server.UrlOf("public"));
        await page.Context.GrantPermissionsAsync(["clipboard-read", "clipboard-write"]);

        // The terminal itself says where its cursor is (ECMA-48 §8.3.14, CPR).
        await TypeAsync(page, "exec bash --noprofile --norc");
        await TypeAsync(page, "PS1='$ '; clear; printf '\\U1F600\\e[6n'; IFS= read -rs -d R at; echo; echo column ${at#*;}");
        await SeesAsync(page, "column 3");

        await TypeAsync(page, "printf '\\e]0;the title\\a'");
        await page.WaitForFunctionAsync("() => document.title === 'the title'");

        Assert.Equal("Ctrl+Shift+V or Shift+Insert", await page.GetAttributeAsync("#paste", "title"));
        foreach (var (keys, sum) in new[] { ("Control+Shift+V", "40+2"), ("Shift+Insert", "40+3") })
        {
            await page.EvaluateAsync("text => navigator.clipboard.writeText(text)", $"echo pasted $(({sum}))");
            await page.Keyboard.PressAsync(keys);
            await SeesAsync(page, $"echo pasted $(({sum}))");
            await TypeAsync(page, "");
        }

        await SeesAsync(page, "pasted 42");
        await SeesAsync(page, "pasted 43");
    }

    private static Task TypeAsync(IPage page, string line) => page.Keyboard.TypeAsync(line + "\n");

    private static async Task<string> TextAsync(IPage page) =>
        (await page.EvaluateAsync<string>("document.querySelector('.xterm-rows').innerText")).Replace('\u00a0', ' ');

    private async Task<IPage> SignInAsync(Uri server)
    {
        var page = await _browser.NewPageAsync(new BrowserNewPageOptions { ViewportSize = new ViewportSize { Width = 900, Height = 420 } });
        await page.GotoAsync(new Uri(server, $"/terminal/{Bootstrapped.AgentId(Bootstrap)}").AbsoluteUri);
        await page.FillAsync("#token", Bootstrapped.SessionToken(Bootstrap));
        await page.ClickAsync("text=Sign in");
        await page.WaitForSelectorAsync("#state[data-state=connected]");
        await page.ClickAsync("#screen");
        return page;
    }

    private static Task<IJSHandle> SeesAsync(IPage page, string text) => page.WaitForFunctionAsync(
        "text => document.querySelector('.xterm-rows').innerText.replaceAll('\\u00a0', ' ').includes(text)", text);

    private Task<EdgeProcess> StartApiAsync(int port) => StartAsync(
        "--Edge:Mode=api", "--urls", $"http://127.0.0.1:{port}", "--Edge:Admin:Url=http://127.0.0.1:0", $"--Edge:DataDirectory={Data}");

    private async Task<EdgeProcess> StartAsync(params string[] arguments)
    {
        var process = await EdgeProcess.StartAsync(_directory.Path, arguments);
        _processes.Add(process);
        Assert.Contains("  stop ", process.Output, StringComparison.Ordinal);
        return process;
    }
}
