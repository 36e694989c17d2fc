using System.Buffers;
using System.Globalization;
using System.Text;
using System.Text.Json;
using ControlPlane.Agents;
using ControlPlane.Http;
using Microsoft.AspNetCore.Http;

namespace ControlPlane.Logs;

/// <summary><c>GET {id}/logs</c> and its old name <c>startup-logs</c> (tailnet.md §1.3-25).</summary>
internal sealed class ReadLogsApi(LogStore logs, LogSourceStore sources, LogFollow follow, UserConcurrencyLimiter limiter)
{
    // A client that does not read holds one page in memory: its lines, and their JSON. Other requests wait for one page at most.
    private const int PageLines = 128;
    private const int PageBytes = 16 * 1024;

    public Task GetAsync(HttpContext context, Agent agent)
    {
        var query = context.Request.Query;
        if (!TryReadId(query, "after", 0, out var after))
        {
            return RefuseIdAsync(context, "after");
        }

        // The Coder server documents this parameter and ignores it (tailnet.md §1.3-25). This server does what is documented.
        if (!TryReadId(query, "before", long.MaxValue, out var before))
        {
            return RefuseIdAsync(context, "before");
        }

        var format = query["format"] is [{ Length: > 0 } given, ..] ? given : "json";
        if (format is not ("json" or "text"))
        {
            return RefuseAsync(
                context,
                "Query param \"format\" has an invalid value.",
                new ApiValidation("format", "Must be \"json\" or \"text\""));
        }

        // The parameter counts by its presence, even as follow=false.
        if (!query.ContainsKey("follow"))
        {
            return WriteAsync(context, agent, after, before, format == "text");
        }

        return format == "text"
            ? RefuseAsync(
                context,
                "Text format is not supported with follow.",
                new ApiValidation("format", "Cannot be \"text\" with follow"))
            : follow.AcceptAsync(context, agent.Id, after, before);
    }

    private static bool TryReadId(IQueryCollection query, string name, long otherwise, out long id)
    {
        id = otherwise;
        return query[name] is not [{ Length: > 0 } text, ..]
            || (long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out id) && id >= 0);
    }

    private static Task RefuseIdAsync(HttpContext context, string name) => RefuseAsync(
        context,
        $"Query param \"{name}\" must be an integer greater than or equal to zero.",
        new ApiValidation(name, "Must be an integer greater than or equal to zero"));

    private static Task RefuseAsync(HttpContext context, string message, ApiValidation validation) =>
        context.WriteAsync(StatusCodes.Status400BadRequest, new ApiError(message, null, [validation]));

    private async Task WriteAsync(HttpContext context, Agent agent, long after, long before, bool asText)
    {
        // The caller is the agent's owner: other users get 404.
        using var lease = limiter.TryAcquire(agent.OwnerId);
        if (lease is null)
        {
            context.Response.Headers.RetryAfter = "1";
            await context.WriteAsync(StatusCodes.Status429TooManyRequests, new ApiError(
                "Too many logs are being read at once.",
                "Read the responses to earlier requests for logs, or close their connections, and try again."));
            return;
        }

        await (asText ? WriteTextAsync(context, agent, after, before) : WriteJsonAsync(context, agent, after, before));
    }

    private async Task WriteJsonAsync(HttpContext context, Agent agent, long after, long before)
    {
        context.Response.ContentType = ApiResponses.JsonContentType;
        var body = context.Response.BodyWriter;
        body.Write("["u8);
        var first = true;
        await foreach (var page in PagesAsync(agent.Id, after, before))
        {
            foreach (var line in page)
            {
                if (!first)
                {
                    body.Write(","u8);
                }

                first = false;
                body.Write(JsonSerializer.SerializeToUtf8Bytes(line, LogsJson.Wire.LogLine));
            }

            await FlushAsync(context);
        }

        body.Write("]\n"u8);
        await body.FlushAsync(context.RequestAborted);
    }

    private async Task WriteTextAsync(HttpContext context, Agent agent, long after, long before)
    {
        var names = (await sources.OfAsync(agent.Id)).ToDictionary(static source => source.Id, static source => source.DisplayName);
        context.Response.ContentType = "text/plain; charset=utf-8";
        var body = context.Response.BodyWriter;
        await foreach (var page in PagesAsync(agent.Id, after, before))
        {
            foreach (var line in page)
            {
                var source = names.GetValueOrDefault(line.SourceId) is { Length: > 0 } name ? "|" + name : "";
                body.Write(Encoding.UTF8.GetBytes(
                    $"{line.CreatedAt.UtcDateTime:yyyy-MM-dd'T'HH:mm:ss'Z'} [{line.Level}] [agent.{agent.Name}{source}] {line.Output}\n"));
            }

            await FlushAsync(context);
        }

        await body.FlushAsync(context.RequestAborted);
    }

    private static async Task FlushAsync(HttpContext context)
    {
        await context.Response.BodyWriter.FlushAsync(context.RequestAborted);

        // With a fast client every flush completes at once: without this, the request would keep its thread until the log's end.
        await Task.Yield();
    }

    // Ends at the line that is the newest at the start: otherwise the response would not end while the agent keeps writing.
    private async IAsyncEnumerable<IReadOnlyList<LogLine>> PagesAsync(Guid agentId, long after, long before)
    {
        for (var last = Math.Min(await logs.LastIdAsync(agentId), before - 1); after < last;)
        {
            var page = await logs.ReadPageAsync(agentId, after, last, PageLines, PageBytes);
            if (page.Lines.Count == 0)
            {
                yield break;
            }

            after = page.Lines[^1].Id;
            yield return page.Lines;
        }
    }
}
