using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.DependencyInjection;

namespace EndToEnd.Derp;

/// <summary>A node whose requests to <c>/held</c> each keep a thread, blocked or busy, until they are released.</summary>
internal sealed class HeldRequests(bool burns) : IStartupFilter, IDisposable
{
    private readonly ManualResetEventSlim _release = new();
    private readonly ManualResetEventSlim _first = new();
    private int _entered;
    private int _left;

    /// <summary>Requests that have got a thread so far.</summary>
    public int Entered => Volatile.Read(ref _entered);

    /// <summary>Requests that have given it back.</summary>
    public int Left => Volatile.Read(ref _left);

    public void AddTo(IServiceCollection services) => services.AddSingleton<IStartupFilter>(this);

    public Action<IApplicationBuilder> Configure(Action<IApplicationBuilder> next) => application =>
    {
        application.Use((context, following) =>
        {
            if (context.Request.Path != "/held")
            {
                return following(context);
            }

            Hold();
            return Task.CompletedTask;
        });
        next(application);
    };

    /// <summary>Blocks until one has its thread.</summary>
    public bool WaitForFirst(TimeSpan patience) => _first.Wait(patience);

    public void Release() => _release.Set();

    public void Dispose()
    {
        _release.Dispose();
        _first.Dispose();
    }

    private void Hold()
    {
        Interlocked.Increment(ref _entered);
        _first.Set();
        while (burns && !_release.IsSet)
        {
            Thread.SpinWait(1000);
        }

        _release.Wait();
        Interlocked.Increment(ref _left);
    }
}
