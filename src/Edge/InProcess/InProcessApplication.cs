using Microsoft.AspNetCore.Http.Features;

namespace Edge.InProcess;

/// <summary>The embedded API server's application, for requests that the same process has received. No HTTP is between the two.</summary>
internal sealed class InProcessApplication
{
    private volatile Func<IFeatureCollection, Task>? _run;

    /// <summary>Sets the application, or removes it with null.</summary>
    public void Listen(Func<IFeatureCollection, Task>? run) => _run = run;

    /// <summary>
    /// Runs a request, on the caller's thread until the first wait. Returns null without an application.
    /// </summary>
    public Task? TryRun(IFeatureCollection request) => _run?.Invoke(request);
}
