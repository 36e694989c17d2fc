using System.Collections.Concurrent;
using System.Diagnostics;
using Edge.Telemetry;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;

namespace Edge.Tests.Telemetry;

public sealed class RequestSpansTests
{
    [Fact]
    public async Task ASpanHasTheStatusTheClientSaw()
    {
        var prefix = $"/spans-{Guid.NewGuid():N}";
        var spans = new ConcurrentDictionary<string, Activity>();
        using var activities = new ActivityListener
        {
            ShouldListenTo = static source => source.Name == "Microsoft.AspNetCore",
            Sample = static (ref ActivityCreationOptions<ActivityContext> _) => ActivitySamplingResult.AllDataAndRecorded,
            ActivityStopped = activity => spans[activity.GetTagItem("http.route") as string ?? ""] = activity,
        };
        ActivitySource.AddActivityListener(activities);
        await using (var app = await TestServer.StartAsync(
            app =>
            {
                app.MapGet($"{prefix}/gone", static () => Results.StatusCode(410));
                app.MapGet($"{prefix}/broken", void () => throw new InvalidOperationException());
                app.MapGet($"{prefix}/bad", void () => throw new BadHttpRequestException("no", 413));
            },
            static builder => builder.Services.AddTransient<IStartupFilter, RequestSpans>()))
        {
            using var client = new HttpClient { BaseAddress = new Uri(app.Urls.First()) };
            foreach (var (path, status) in ((string, int)[])[("gone", 410), ("broken", 500), ("bad", 413)])
            {
                using var response = await client.GetAsync($"{prefix}/{path}", TestContext.Current.CancellationToken);
                Assert.Equal(status, (int)response.StatusCode);
            }

            await app.StopAsync(TestContext.Current.CancellationToken);
        }

        Assert.Equal(410, spans[$"{prefix}/gone"].GetTagItem("http.response.status_code"));
        Assert.Equal(413, spans[$"{prefix}/bad"].GetTagItem("http.response.status_code"));
        var broken = spans[$"{prefix}/broken"];
        Assert.Equal(500, broken.GetTagItem("http.response.status_code"));
        Assert.Equal(ActivityStatusCode.Error, broken.Status);
        Assert.EndsWith($"{prefix}/broken", broken.DisplayName, StringComparison.Ordinal);
    }
}
