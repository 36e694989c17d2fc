using Microsoft.AspNetCore.Http.Features;

namespace Edge.InProcess;

/// <summary>The embedded API server's application, for requests that the same process has received: there is no HTTP between.</summary>
internal sealed class InProcessApplication
{
    private volatile Func<IFeatureCollection, Task>? _run;

    /// <summary>Takes requests from now on, or with null no more.</summary>
    public void Listen(Func<IFeatureCollection, Task>? run) => _run = run;

    /// <summary>
    /// Has the request answered, on the thread of whoever asks for as long as nothing has to be waited for; null when
    /// nobody listens.
    /// </summary>
    public Task? TryRun(IFeatureCollection request) => _run?.Invoke(request);
}
