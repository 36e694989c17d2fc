using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Http.Features;

namespace Edge.InProcess;

/// <summary>A host's server that also runs the requests of an <see cref="InProcessApplication"/>.</summary>
/// <remarks>
/// The public listener's server counts these requests. It has ended them all before this server stops (<c>EdgeNode</c>).
/// </remarks>
internal sealed class InProcessServer(IServer listeners, InProcessApplication requests) : IServer
{
    public IFeatureCollection Features => listeners.Features;

    public async Task StartAsync<TContext>(IHttpApplication<TContext> application, CancellationToken cancellationToken)
        where TContext : notnull
    {
        await listeners.StartAsync(application, cancellationToken);
        var context = ExecutionContext.Capture();
        requests.Listen(features => RunAsync(application, features, context));
    }

    public Task StopAsync(CancellationToken cancellationToken)
    {
        requests.Listen(null);
        return listeners.StopAsync(cancellationToken);
    }

    public void Dispose() => listeners.Dispose();

    private static async Task RunAsync<TContext>(
        IHttpApplication<TContext> application, IFeatureCollection features, ExecutionContext? context)
        where TContext : notnull
    {
        if (context is not null)
        {
            // Spans and log scopes are those of this host. The caller's context is restored when this method returns.
            ExecutionContext.Restore(context);
        }

        var request = application.CreateContext(features);
        Exception? failure = null;
        try
        {
            await application.ProcessRequestAsync(request);
        }
        catch (Exception error)
        {
            failure = error;
            throw;
        }
        finally
        {
            application.DisposeContext(request, failure);
        }
    }
}
