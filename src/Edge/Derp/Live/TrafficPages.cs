using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;
using Edge.Http;
using Relay.Derp;

namespace Edge.Derp.Live;

/// <summary>
/// Who is connected to the relay, and how much passes: <c>/derp/clients</c> for one look, <c>/debug/traffic/</c> line by line as derper
/// has it (derp.md §6.6). Counts only, never what is in packets. The routes are those of the admin listener, behind its token.
/// </summary>
internal static class TrafficPages
{
    /// <summary>The most connections that an answer, or a round of lines, tells of.</summary>
    internal const int MaxLimit = 10_000;

    private const int DefaultLimit = 1_000;

    private static readonly TimeSpan Look = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan Round = TimeSpan.FromSeconds(2);
    private static readonly byte[] LineEnd = [(byte)'\n'];

    public static void Map(WebApplication app, Func<DerpServer?> derp, TimeProvider time)
    {
        app.MapGet("/derp/clients", context => derp() is { } server ? ClientsAsync(context, server, time) : NoneAsync(context));
        app.MapGet("/debug/traffic", context => derp() is { } server ? LinesAsync(context, server, time) : NoneAsync(context));
    }

    private static Task NoneAsync(HttpContext context) =>
        new ApiError("DERP is not served by this node.").WriteAsync(context, StatusCodes.Status404NotFound);

    private static async Task ClientsAsync(HttpContext context, DerpServer server, TimeProvider time)
    {
        var text = context.Request.Query["limit"].ToString();
        var limit = DefaultLimit;
        if (text.Length > 0 && !(int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out limit) && limit is >= 1 and <= MaxLimit))
        {
            await new ApiError("The limit is wrong.", $"Allowed is a whole number from 1 to {MaxLimit}.").WriteAsync(context, StatusCodes.Status400BadRequest);
            return;
        }

        var before = new TrafficSample(server, time);
        await Task.Delay(Look, time, context.RequestAborted);
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
            foreach (var line in now.Risen(before).Take(MaxLimit))
            {
                await context.Response.Body.WriteAsync(JsonSerializer.SerializeToUtf8Bytes(line, TrafficLineJson.Default.TrafficLine), context.RequestAborted);
                await context.Response.Body.WriteAsync(LineEnd, context.RequestAborted);
            }

            before = now;
            await context.Response.Body.WriteAsync(LineEnd, context.RequestAborted);
            await context.Response.Body.FlushAsync(context.RequestAborted);
            await Task.Delay(Round, time, either.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower)]
[JsonSerializable(typeof(TrafficView))]
internal sealed partial class TrafficJson : JsonSerializerContext;

/// <summary>derper's names begin with capitals.</summary>
[JsonSerializable(typeof(TrafficLine))]
internal sealed partial class TrafficLineJson : JsonSerializerContext;
