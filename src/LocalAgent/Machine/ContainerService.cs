using System.Text.Json;
using Microsoft.Extensions.Logging;

namespace LocalAgent.Machine;

/// <summary>Lists the containers of the machine by the Docker CLI, and recreates devcontainers by the devcontainer CLI.</summary>
internal sealed partial class ContainerService(ContainerTools tools, TimeProvider time, ILogger<ContainerService> logger) : IDisposable
{
    // The cache keeps several clients that poll from causing more Docker calls than one.
    private static readonly TimeSpan CacheTime = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan DockerTimeout = TimeSpan.FromSeconds(25);
    private static readonly TimeSpan RecreateTimeout = TimeSpan.FromMinutes(30);

    private readonly SemaphoreSlim _listing = new(1, 1);
    private readonly Lock _lock = new();
    private readonly Dictionary<Guid, string?> _recreations = []; // null while it runs, else its error
    private readonly CancellationTokenSource _stop = new();
    private AgentContainers? _lastList;
    private long _listedAt;

    /// <summary>The containers, at most 2 s old.</summary>
    /// <exception cref="RefusalException">Docker is not installed or does not answer (500).</exception>
    public async Task<AgentContainers> ListAsync(CancellationToken cancellation)
    {
        await _listing.WaitAsync(cancellation);
        try
        {
            if (_lastList is null || time.GetElapsedTime(_listedAt) > CacheTime)
            {
                using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
                limit.CancelAfter(DockerTimeout);
                _lastList = await AskAsync(limit.Token);
                _listedAt = time.GetTimestamp();
            }

            return _lastList with { Devcontainers = [.. _lastList.Devcontainers.Select(WithState)] };
        }
        catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
        {
            throw Failed("docker did not answer in time");
        }
        finally
        {
            _listing.Release();
        }
    }

    /// <summary>Begins to recreate a devcontainer. The status of the devcontainer in later lists shows the result.</summary>
    /// <exception cref="RefusalException">
    /// There is no such devcontainer (404), its container is no devcontainer (400), it is being recreated already (409), or Docker
    /// does not answer (500).
    /// </exception>
    public async Task<AgentNotice> RecreateAsync(string key, bool isContainer, CancellationToken cancellation)
    {
        var all = await ListAsync(cancellation);
        var found = isContainer
            ? FindByContainer(all, key)
            : all.Devcontainers.FirstOrDefault(devcontainer => Guid.TryParse(key, out var id) && devcontainer.Id == id);
        if (found is null)
        {
            throw isContainer
                ? new RefusalException(404, "Container not found.", "No container has this id or name.")
                : new RefusalException(404, "Devcontainer not found.", "No devcontainer has this id.");
        }

        lock (_lock)
        {
            if (_recreations.TryGetValue(found.Id, out var error) && error is null)
            {
                throw new RefusalException(
                    409,
                    "Devcontainer recreation already in progress",
                    $"Recreation for devcontainer \"{found.Name}\" is already underway.");
            }

            _recreations[found.Id] = null;
        }

        _ = RecreateAsync(found);
        return new AgentNotice(
            "Devcontainer recreation initiated", $"Recreation process for devcontainer \"{found.Name}\" has started.");
    }

    public void Dispose()
    {
        _stop.Cancel();
        _stop.Dispose();
        _listing.Dispose();
    }

    private static Devcontainer? FindByContainer(AgentContainers all, string key)
    {
        var container = all.Containers.FirstOrDefault(container => container.Id == key || container.Name == key)
            ?? (key.Length >= 12
                ? all.Containers.FirstOrDefault(container => container.Id.StartsWith(key, StringComparison.Ordinal))
                : null);
        if (container is null)
        {
            return null;
        }

        return all.Devcontainers.FirstOrDefault(devcontainer => devcontainer.Container?.Id == container.Id)
            ?? throw new RefusalException(400, "Missing workspace folder label", "The container was not made by the devcontainer CLI.");
    }

    private async Task<AgentContainers> AskAsync(CancellationToken cancellation)
    {
        var (exitCode, output, errors) = await CommandLineTool.RunAsync(
            tools.Docker, ["ps", "--all", "--quiet", "--no-trunc"], cancellation);
        if (exitCode != 0)
        {
            throw Failed(errors);
        }

        const StringSplitOptions Trimmed = StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries;
        var ids = System.Text.Encoding.ASCII.GetString(output).Split('\n', Trimmed);
        if (ids.Length == 0)
        {
            return new AgentContainers([], []);
        }

        // A container that was removed after `docker ps` makes the exit code 1. The other containers are printed.
        (exitCode, output, errors) = await CommandLineTool.RunAsync(tools.Docker, ["inspect", "--type=container", .. ids], cancellation);
        try
        {
            var (containers, warnings) = DockerJson.Read(output);
            if (exitCode != 0)
            {
                warnings.Add(errors);
            }

            return new AgentContainers(containers, Devcontainers.Find(containers), warnings.Count > 0 ? warnings : null);
        }
        catch (JsonException)
        {
            throw Failed(errors);
        }
    }

    private static RefusalException Failed(string detail) => new(500, "Could not get containers.", detail);

    private Devcontainer WithState(Devcontainer devcontainer)
    {
        lock (_lock)
        {
            return !_recreations.TryGetValue(devcontainer.Id, out var error) ? devcontainer
                : error is null ? devcontainer with { Status = "starting" }
                : devcontainer with { Status = "error", Error = error };
        }
    }

    private async Task RecreateAsync(Devcontainer devcontainer)
    {
        string? error;
        try
        {
            using var limit = CancellationTokenSource.CreateLinkedTokenSource(_stop.Token);
            limit.CancelAfter(RecreateTimeout);
            string[] config = devcontainer.ConfigPath is { } path ? ["--config", path] : [];
            var (exitCode, _, errors) = await CommandLineTool.RunAsync(
                tools.Devcontainer,
                ["up", "--workspace-folder", devcontainer.WorkspaceFolder, "--remove-existing-container", .. config],
                limit.Token);
            error = exitCode == 0 ? null : $"devcontainer up failed: {errors}";
        }
        catch (OperationCanceledException)
        {
            error = "devcontainer up took too long";
        }

        lock (_lock)
        {
            if (error is null)
            {
                _recreations.Remove(devcontainer.Id);
            }
            else
            {
                _recreations[devcontainer.Id] = error;
            }
        }

        if (error is not null)
        {
            NotRecreated(logger, devcontainer.Id);
        }
    }
}
