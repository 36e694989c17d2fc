using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Http.Features;

namespace Edge.InProcess;

/// <summary>A host's server whose application is an <see cref="InProcessApplication"/> too.</summary>
/// <remarks>
/// Requests of the process are counted by the server that has received them: it has ended them all before this one stops (see <c>EdgeNode</c>).
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

    private static async Task RunAsync<TContext>(IHttpApplication<TContext> application, IFeatureCollection features, ExecutionContext? context)
        where TContext : notnull
    {
        if (context is not null)
        {
            // Spans and scopes of logging are the other host's own. Until this method returns: then whoever called has them again.
            ExecutionContext.Restore(context);
        }

        var one = application.CreateContext(features);
        Exception? failure = null;
        try
        {
            await application.ProcessRequestAsync(one);
        }
        catch (Exception error)
        {
            failure = error;
            throw;
        }
        finally
        {
            application.DisposeContext(one, failure);
        }
    }
}
