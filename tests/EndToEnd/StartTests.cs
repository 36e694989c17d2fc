using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text;
using ControlPlane;
using Edge.Settings;

namespace EndToEnd;

/// <summary>A failed start names the setting or file that caused it. Settings that were ignored are reported too.</summary>
public class StartTests
{
    [Fact]
    public async Task HttpsInUrlsNeedsTheDefaultCertificate()
    {
        var error = await Assert.ThrowsAsync<SettingsException>(() => TestNode.StartAsync("Edge:Mode=relay", "urls=https://127.0.0.1:0"));

        Assert.StartsWith("urls = \"https://127.0.0.1:0\"", error.Message, StringComparison.Ordinal);
        Assert.Contains("Kestrel:Certificates:Default:Path", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("relay")]
    [InlineData("api")]
    [InlineData("all")]
    public async Task AMissingCertificateIsNamedInEveryMode(string mode)
    {
        var error = await Assert.ThrowsAsync<SettingsException>(() => TestNode.StartAsync(
            $"Edge:Mode={mode}", "Kestrel:Endpoints:Tls:Url=https://127.0.0.1:0", "Kestrel:Certificates:Default:Path=/nowhere/tls.pem"));

        Assert.Equal("Kestrel:Certificates:Default:Path = \"/nowhere/tls.pem\": the file does not exist", error.Message);
    }

    [Theory]
    [InlineData("0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcde", "64 hex digits")]
    [InlineData("first secret of a mesh\nsecond secret of a mesh\n", "one line")]
    [InlineData("", "is empty")]
    public async Task AMeshKeyThatIsNoneStopsTheStart(string content, string says)
    {
        using var directory = new TemporaryDirectory();
        File.WriteAllText(directory.File("mesh.key"), content);

        var error = await Assert.ThrowsAsync<SettingsException>(
            () => TestNode.StartAsync("Edge:Mode=relay", $"Relay:Derp:MeshKeyFile={directory.File("mesh.key")}"));

        Assert.StartsWith($"Relay:Derp:MeshKeyFile = \"{directory.File("mesh.key")}\"", error.Message, StringComparison.Ordinal);
        Assert.Contains(says, error.Message, StringComparison.Ordinal);
        Assert.False(content.Length > 0 && error.Message.Contains(content.Split('\n')[0], StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("garbage")]
    [InlineData("")]
    [InlineData("0123")]
    public async Task AnAdminTokenThatIsReplacedIsSaid(string content)
    {
        using var directory = new TemporaryDirectory();
        var data = Directory.CreateDirectory(
            directory.File("data"), UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute).FullName;
        File.WriteAllText(Path.Combine(data, "admin-token.sha256"), content);

        await using (var damaged = await TestNode.StartAsync("Edge:Mode=relay", $"Edge:DataDirectory={data}"))
        {
            var line = Assert.Single(
                damaged.Log.Lines,
                static line => line.Contains("a new admin token was made", StringComparison.Ordinal));
            Assert.StartsWith("Warning", line, StringComparison.Ordinal);
            Assert.Contains(damaged.Node.Data.BootstrapFile, line, StringComparison.Ordinal);
        }

        await using var whole = await TestNode.StartAsync("Edge:Mode=relay", $"Edge:DataDirectory={data}");
        Assert.DoesNotContain(whole.Log.Lines, static line => line.Contains("a new admin token was made", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("admin-token.sha256")]
    [InlineData("bootstrap.json")]
    [InlineData("api.sock")]
    [InlineData("api.sock.lock")]
    [InlineData("derp.key")]
    public async Task ADirectoryInPlaceOfAFileOfTheDataDirectoryIsNamed(string name)
    {
        using var directory = new TemporaryDirectory();
        var data = Directory.CreateDirectory(
            directory.File("data"), UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute).FullName;
        Directory.CreateDirectory(Path.Combine(data, name));

        var error = await Assert.ThrowsAsync<SettingsException>(() => TestNode.StartAsync($"Edge:DataDirectory={data}"));

        Assert.StartsWith("Edge:DataDirectory", error.Message, StringComparison.Ordinal);
        Assert.Contains(Path.Combine(data, name), error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task ADamagedDatabaseIsNamed()
    {
        using var directory = new TemporaryDirectory();
        var data = directory.File("data");
        await using (await TestNode.StartAsync($"Edge:DataDirectory={data}"))
        {
        }

        Damage(Path.Combine(data, "edge.db"));
        var error = await Assert.ThrowsAsync<ControlPlaneException>(() => TestNode.StartAsync($"Edge:DataDirectory={data}"));

        Assert.Contains(Path.Combine(data, "edge.db"), error.Message, StringComparison.Ordinal);
        Assert.Contains("malformed", error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', error.Message);
    }

    [Fact]
    public async Task AnAddressInUseIsNamedOnEveryListener()
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        socket.Listen();
        var url = $"http://{socket.LocalEndPoint}";
        using var udp = new UdpClient(new IPEndPoint(IPAddress.Loopback, 0));
        var stun = (IPEndPoint)udp.Client.LocalEndPoint!;

        foreach (var (setting, name, address) in ((string, string, string)[])
            [
                ($"urls={url}", "urls", url),
                ($"Kestrel:Endpoints:It:Url={url}", "Kestrel", url),
                ($"Edge:Admin:Url={url}", "Edge:Admin:Url", url),
                ($"Relay:Stun:Port={stun.Port}", "Relay:Stun:Port", stun.ToString()),
            ])
        {
            var error = await Assert.ThrowsAsync<SettingsException>(() => TestNode.StartAsync("Edge:Mode=relay", setting));
            Assert.StartsWith(name, error.Message, StringComparison.Ordinal);
            Assert.Contains(address, error.Message, StringComparison.Ordinal);
            Assert.Contains("already in use", error.Message, StringComparison.OrdinalIgnoreCase);
        }
    }

    // RFC 5737: an address for documents, which no machine has.
    [Fact]
    public async Task AnAddressOfAnotherMachineIsNamed()
    {
        var error = await Assert.ThrowsAsync<SettingsException>(() => TestNode.StartAsync(
            "Edge:Mode=relay", "Relay:Derp:Admission=open", "urls=http://192.0.2.1:8080"));

        Assert.Contains("192.0.2.1:8080", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task ALevelThatIsNoneIsSaidWhenTheSectionChangesAndTheNodeRunsOn()
    {
        await using var edge = await TestNode.StartAsync("Edge:Mode=relay");

        // The framework throws here. When a file changes, no caller is there to catch it.
        Record.Exception(() => edge.Reload(("Logging:LogLevel:Default", "Bogus")));

        var line = Assert.Single(edge.Log.Lines, static line => line.Contains("The section Logging has changed", StringComparison.Ordinal));
        Assert.Contains("Logging:LogLevel:Default = \"Bogus\"", line, StringComparison.Ordinal);
        using var ready = await edge.Admin.GetAsync("/readyz");
        Assert.Equal(HttpStatusCode.OK, ready.StatusCode);
    }

    // As an operator meets them: the program, its exit code, and what it says where.
    [Theory]
    [InlineData("Kestrel:Certificates:Default:Path", "--Kestrel:Certificates:Default:Path=/nowhere/tls.pem")]
    [InlineData("urls", "--urls=https://127.0.0.1:0")]
    [InlineData("Logging:LogLevel:Default", "--Logging:LogLevel:Default=Bogus")]
    [InlineData("OTEL_EXPORTER_OTLP_HEADERS", "OTEL_EXPORTER_OTLP_HEADERS=novalue", "OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:9")]
    public async Task TheProgramEndsWithOneLineAndExitCodeOne(string name, params string[] settings)
    {
        using var directory = new TemporaryDirectory();
        string[] address = settings.Any(static setting => setting.StartsWith("--urls", StringComparison.Ordinal))
            ? []
            : ["--urls=http://127.0.0.1:0"];
        var ended = await RunAsync(
            directory,
            [
                "dotnet", Program, "--Edge:Mode=relay", "--Edge:Admin:Url=http://127.0.0.1:0", "--Relay:Stun:Port=0", .. address,
                .. settings.Where(static setting => setting.StartsWith('-')),
            ],
            settings.Where(static setting => !setting.StartsWith('-')));

        AssertOneLine(ended, name);
    }

    [Fact]
    public async Task ALimitOfDescriptorsThatIsTooLowIsNamed()
    {
        using var directory = new TemporaryDirectory();

        var ended = await RunAsync(
            directory,
            [
                "sh", "-c",
                $"ulimit -n 256; exec dotnet '{Program}' --Edge:Mode=relay --urls=http://127.0.0.1:0 --Edge:Admin:Url=http://127.0.0.1:0",
            ],
            []);

        AssertOneLine(ended, "ulimit -n = \"256\"");
    }

    private static string Program => Path.Combine(AppContext.BaseDirectory, "Edge.dll");

    private static void AssertOneLine((int Code, string Errors) ended, string name)
    {
        Assert.Equal(1, ended.Code);
        var line = Assert.Single(ended.Errors.Split('\n', StringSplitOptions.RemoveEmptyEntries));
        Assert.StartsWith($"edge: {name}", line, StringComparison.Ordinal);
        Assert.DoesNotContain("at System.", line, StringComparison.Ordinal);
    }

    private static async Task<(int Code, string Errors)> RunAsync(
        TemporaryDirectory directory, string[] command, IEnumerable<string> environment)
    {
        var start = new ProcessStartInfo(command[0], command[1..])
        {
            WorkingDirectory = directory.Path,
            RedirectStandardError = true,
            RedirectStandardOutput = true,
            StandardErrorEncoding = Encoding.UTF8,
        };
        foreach (var variable in environment)
        {
            start.Environment[variable.Split('=')[0]] = variable.Split('=', 2)[1];
        }

        using var process = Process.Start(start)!;
        var (errors, output) = (process.StandardError.ReadToEndAsync(), process.StandardOutput.ReadToEndAsync());
        await process.WaitForExitAsync().WaitAsync(TestNode.Patience);
        await output;
        return (process.ExitCode, await errors);
    }

    /// <summary>Overwrites every page of tables but the first, which says what kind of file it is.</summary>
    private static void Damage(string database)
    {
        const int PageSize = 4096;
        using var file = new FileStream(database, FileMode.Open, FileAccess.Write);
        var garbage = Enumerable.Repeat((byte)0xa5, PageSize).ToArray();
        for (long at = PageSize; at + PageSize <= file.Length; at += PageSize)
        {
            file.Position = at;
            file.Write(garbage);
        }
    }
}
