using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;
using Edge.Http;
using Relay.Derp;

namespace Edge.Derp.Live;

/// <summary>
/// The relay's clients and their traffic: <c>/derp/clients</c> gives one sample, <c>/debug/traffic/</c> one line after the other
/// like derper's (derp.md §6.6). They have counts only, never contents of packets. The admin listener serves them, and requires
/// its token.
/// </summary>
internal static class TrafficPages
{
    /// <summary>Most connections in one answer, or in one round of lines.</summary>
    internal const int MaxLimit = 10_000;

    private const int DefaultLimit = 1_000;

    private static readonly TimeSpan SampleTime = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan RoundInterval = TimeSpan.FromSeconds(2);
    private static readonly byte[] LineEnd = [(byte)'\n'];

    public static void Map(WebApplication app, Func<DerpServer?> derp, TimeProvider time)
    {
        app.MapGet("/derp/clients", context => derp() is { } server ? ClientsAsync(context, server, time) : NoneAsync(context));
        app.MapGet("/debug/traffic", context => derp() is { } server ? LinesAsync(context, server, time) : NoneAsync(context));
    }

    private static Task NoneAsync(HttpContext context) =>
        new EdgeError("This node does not serve DERP.").WriteAsync(context, StatusCodes.Status404NotFound);

    private static async Task ClientsAsync(HttpContext context, DerpServer server, TimeProvider time)
    {
        var text = context.Request.Query["limit"].ToString();
        var limit = DefaultLimit;
        if (text.Length > 0
            && !(int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out limit) && limit is >= 1 and <= MaxLimit))
        {
            await new EdgeError("The limit is not allowed.", $"Allowed is a whole number from 1 to {MaxLimit}.")
                .WriteAsync(context, StatusCodes.Status400BadRequest);
            return;
        }

        var before = new TrafficSample(server, time);
        await Task.Delay(SampleTime, time, context.RequestAborted);
        await context.Response.WriteAsJsonAsync(new TrafficSample(server, time).Since(before, limit), TrafficJson.Default.TrafficView);
    }

    private static async Task LinesAsync(HttpContext context, DerpServer server, TimeProvider time)
    {
        context.Response.ContentType = "application/json";
        var lifetime = context.RequestServices.GetRequiredService<IHostApplicationLifetime>();
        using var either = CancellationTokenSource.CreateLinkedTokenSource(context.RequestAborted, lifetime.ApplicationStopping);
        TrafficSample? before = null;
        while (!either.IsCancellationRequested)
        {
            var now = new TrafficSample(server, time);
            foreach (var line in now.Changed(before).Take(MaxLimit))
            {
                var json = JsonSerializer.SerializeToUtf8Bytes(line, TrafficLineJson.Default.TrafficLine);
                await context.Response.Body.WriteAsync(json, context.RequestAborted);
                await context.Response.Body.WriteAsync(LineEnd, context.RequestAborted);
            }

            before = now;
            await context.Response.Body.WriteAsync(LineEnd, context.RequestAborted);
            await context.Response.Body.FlushAsync(context.RequestAborted);
            await Task.Delay(RoundInterval, time, either.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower)]
[JsonSerializable(typeof(TrafficView))]
internal sealed partial class TrafficJson : JsonSerializerContext;

/// <summary>Derper's field names begin with capitals.</summary>
[JsonSerializable(typeof(TrafficLine))]
internal sealed partial class TrafficLineJson : JsonSerializerContext;
