using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using LocalAgent;
using LocalAgent.Machine;
using LocalAgent.Terminals;
using Microsoft.Extensions.Logging.Abstractions;

namespace Edge.Tests.LocalAgent;

/// <summary>What the local agent says of its machine.</summary>
public sealed class MachineTests : IDisposable
{
    private const string Inspected = """
        [{"Id": "0123456789abcdef", "Created": "2026-01-02T03:04:05.678901234Z", "Name": "/web",
          "State": {"Status": "running", "Running": true},
          "Config": {"Image": "nginx:1", "Labels": {"devcontainer.local_folder": "/home/me/site", "a": "b"}},
          "NetworkSettings": {"Ports": {"80/tcp": [{"HostIp": "0.0.0.0", "HostPort": "8080"}, {"HostIp": "::", "HostPort": "8080"}],
            "53/udp": null}},
          "Mounts": [{"Source": "/srv", "Destination": "/data"}]},
         {"Id": "fedcba9876543210", "Created": "2025-01-02T03:04:05Z", "Name": "/old", "State": {"Status": "exited", "Running": false},
          "Config": {"Image": "busybox", "Labels": null}, "NetworkSettings": {}, "Mounts": null},
         {"Id": 5}]
        """;

    private readonly TemporaryDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Fact]
    public void APortThatIsListenedOnHasItsProcess()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var port = ((IPEndPoint)listener.LocalEndpoint).Port;
        var found = Assert.Single(ListeningPortReader.Read(), found => found.Port == port);
        Assert.Equal("tcp", found.Network);
        Assert.Equal(File.ReadAllText("/proc/self/comm").Trim(), found.ProcessName);
    }

    [Fact]
    public void OnlyListenersOfATcpTableCount()
    {
        string[] lines =
        [
            "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode",
            "   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 4242 1 0000",
            "   1: 0100007F:1F91 0100007F:1F90 01 00000000:00000000 00:00000000 00000000  1000        0 4243 1 0000",
            "   2: 00000000000000000000000000000000:0BB8 00000000000000000000000000000000:0000 0A 0:0 0:0 0 0 0 77",
            "   3: nonsense:ZZZZ x 0A 0 0 0 0 0 0 1", "", "0A",
        ];
        Assert.Equal([(8080, "4242"), (3000, "77")], TcpTable.Listeners(lines));
    }

    [Fact]
    public void InspectedContainersAreReadAndWhatIsNotIsAWarning()
    {
        var (containers, warnings) = DockerJson.Read(Encoding.UTF8.GetBytes(Inspected));
        Assert.Single(warnings);
        var web = containers[0];
        Assert.Equal(("web", "nginx:1", true, "running", 2026), (web.Name, web.Image, web.Running, web.Status, web.CreatedAt.Year));
        Assert.Equal([new ContainerPort(80, "tcp", "0.0.0.0", 8080), new ContainerPort(53, "udp")], web.Ports);
        Assert.Equal("/srv", web.Volumes["/data"]);
        Assert.Equal("b", web.Labels["a"]);
        Assert.Equal(("old", false), (containers[1].Name, containers[1].Running));

        var devcontainer = Assert.Single(Devcontainers.Find(containers));
        Assert.Equal(("site", "/home/me/site", "running"), (devcontainer.Name, devcontainer.WorkspaceFolder, devcontainer.Status));
        Assert.Equal(devcontainer.Id, Assert.Single(Devcontainers.Find(containers)).Id);
    }

    [Fact]
    public void AnyOtherJsonIsNoSurprise()
    {
        var text = Encoding.UTF8.GetBytes(Inspected);
        for (var cut = 0; cut < text.Length; cut += 7)
        {
            Assert.ThrowsAny<JsonException>(() => DockerJson.Read(text.AsMemory(0, cut)));
        }

        Assert.Empty(DockerJson.Read("[null, 1, [], {\"State\": {}}]"u8.ToArray()).Containers);
    }

    [Fact]
    public async Task ContainersAreWhatDockerSays()
    {
        using var service = Service(
            Script("docker", $"case $1 in ps) echo 0123456789abcdef;; inspect) cat <<'END'\n{Inspected}\nEND\n;; esac"));
        Assert.Equal(2, (await service.ListAsync(CancellationToken.None)).Containers.Count);
    }

    [Fact]
    public async Task WithoutDockerItsComplaintIsTheAnswer()
    {
        using var failing = Service(Script("docker", "echo 'Cannot connect to the Docker daemon' >&2; exit 1"));
        var error = await Assert.ThrowsAsync<RefusalException>(() => failing.ListAsync(CancellationToken.None));
        Assert.Equal(
            (500, "Could not get containers.", "Cannot connect to the Docker daemon"),
            (error.Status, error.Message, error.Detail));

        using var missing = Service(_directory.File("nothing"));
        Assert.Equal(500, (await Assert.ThrowsAsync<RefusalException>(() => missing.ListAsync(CancellationToken.None))).Status);
    }

    [Fact]
    public async Task ADevcontainerIsMadeAnewOnceAtATime()
    {
        var docker = Script("docker", $"case $1 in ps) echo 0123456789abcdef;; inspect) cat <<'END'\n{Inspected}\nEND\n;; esac");
        var fifo = _directory.File("go");
        using var made = System.Diagnostics.Process.Start("mkfifo", [fifo]);
        await made.WaitForExitAsync();
        using var service = Service(
            docker, Script("devcontainer", $"echo \"$@\" > {_directory.File("args")}; cat {fifo}; echo broken >&2; exit 3"));

        var notice = await service.RecreateAsync("web", isContainer: true, CancellationToken.None);
        Assert.Equal("Devcontainer recreation initiated", notice.Message);
        var devcontainer = Assert.Single((await service.ListAsync(CancellationToken.None)).Devcontainers);
        Assert.Equal("starting", devcontainer.Status);
        var error = await Assert.ThrowsAsync<RefusalException>(
            () => service.RecreateAsync(devcontainer.Id.ToString(), isContainer: false, CancellationToken.None));
        Assert.Equal(409, error.Status);

        await File.WriteAllTextAsync(fifo, "go");
        await Eventually.TrueAsync(
            async () => (await service.ListAsync(CancellationToken.None)).Devcontainers[0].Status == "error", "the failure is told");
        Assert.Contains("broken", (await service.ListAsync(CancellationToken.None)).Devcontainers[0].Error, StringComparison.Ordinal);
        Assert.Equal(
            "up --workspace-folder /home/me/site --remove-existing-container\n",
            await File.ReadAllTextAsync(_directory.File("args")));
    }

    [Theory]
    [InlineData("nothing", true, 404)]
    [InlineData("old", true, 400)]
    [InlineData("nothing", false, 404)]
    [InlineData("0c9a8a5e-2f6e-4a7c-9a0f-111111111111", false, 404)]
    public async Task WhatIsNoDevcontainerIsNotMadeAnew(string key, bool isContainer, int status)
    {
        using var service = Service(
            Script("docker", $"case $1 in ps) echo 0123456789abcdef;; inspect) cat <<'END'\n{Inspected}\nEND\n;; esac"));
        var error = await Assert.ThrowsAsync<RefusalException>(
            () => service.RecreateAsync(key, isContainer, CancellationToken.None));
        Assert.Equal(status, error.Status);
    }

    [Fact]
    public void ChildrenFindNoSecretsOfTheServer()
    {
        var environment = new Dictionary<string, string?>
        {
            ["HOME"] = "/root",
            ["PATH"] = "/bin",
            ["LC_ALL"] = "C",
            ["Edge__Authentication__Jwt__SigningKeys__0"] = "base64:secret",
            ["ControlPlane__Database"] = "Password=x",
            ["OTEL_EXPORTER_OTLP_HEADERS"] = "key=x",
            ["AWS_SECRET_ACCESS_KEY"] = "x",
            ["LD_PRELOAD"] = "x",
        };
        ChildEnvironment.ApplyTo(environment);
        Assert.Equal(["HOME", "LC_ALL", "PATH"], environment.Keys.Order(StringComparer.Ordinal));
    }

    [Theory]
    [InlineData("me:x:1:1::/home/me:/bin/zsh", "/bin/bash", null, "/bin/zsh", "/home/me")]
    [InlineData("you:x:1:1::/home/you:/bin/zsh", "/bin/bash", "/h", "/bin/bash", "/h")]
    [InlineData("me:x:1:1::/home/me:", null, null, "/bin/sh", "/home/me")]
    [InlineData("broken", null, null, "/bin/sh", "/")]
    public void TheShellIsTheUsers(string passwd, string? shell, string? home, string expectedShell, string expectedHome) =>
        Assert.Equal(new UserShell(expectedShell, expectedHome), UserShell.Find([passwd], "me", shell, home));

    private static ContainerService Service(string docker, string devcontainer = "devcontainer") =>
        new(new ContainerTools(docker, devcontainer), TimeProvider.System, NullLogger<ContainerService>.Instance);

    private string Script(string name, string text)
    {
        var path = _directory.File(name);
        File.WriteAllText(path, "#!/bin/sh\n" + text + "\n");
        File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserExecute);
        return path;
    }
}
