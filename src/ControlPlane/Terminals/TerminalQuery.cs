using System.Globalization;
using ControlPlane.Connections;
using ControlPlane.Http;
using Microsoft.AspNetCore.Http;

namespace ControlPlane.Terminals;

/// <summary>The query of <c>{id}/pty</c> (tailnet.md §6.1).</summary>
internal static class TerminalQuery
{
    private const ushort DefaultSize = 80;

    /// <summary>The requested terminal, or null with an error for each invalid parameter.</summary>
    public static TerminalRequest? Read(IQueryCollection query, int maxCommandLength, out List<ApiValidation> errors)
    {
        errors = [];
        if (!GoUuid.TryParse(Text(query, "reconnect"), out var id))
        {
            errors.Add(new("reconnect", "Query param \"reconnect\" must be a valid UUID."));
        }

        var height = Size(query, "height", errors);
        var width = Size(query, "width", errors);
        var command = Text(query, "command");
        if (command.Length > maxCommandLength || command.Contains('\0', StringComparison.Ordinal))
        {
            errors.Add(new("command", FormattableString.Invariant($"At most {maxCommandLength} characters, and no NUL.")));
        }

        // An agent whose container terminals are off ignores the container and opens a shell of its own machine. No agent reports whether
        // they are on, so that the server cannot tell.
        if (Text(query, "container").Length > 0 || Text(query, "container_user").Length > 0)
        {
            errors.Add(new("container", "Terminals in containers are not enabled."));
        }

        var backend = Text(query, "backend_type");
        if (backend is not ("" or "buffered" or "screen"))
        {
            errors.Add(new("backend_type", "Must be \"buffered\", \"screen\" or empty."));
        }

        return errors.Count == 0 ? new TerminalRequest(id, height, width, command, BackendType: backend) : null;
    }

    private static ushort Size(IQueryCollection query, string name, List<ApiValidation> errors)
    {
        var text = Text(query, name);
        if (text.Length == 0)
        {
            return DefaultSize;
        }

        if (!ushort.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var size))
        {
            errors.Add(new(name, $"Query param \"{name}\" must be a whole number from 0 to 65535."));
        }

        return size > 0 ? size : DefaultSize;
    }

    private static string Text(IQueryCollection query, string name) => query[name] is [{ } text, ..] ? text : "";
}
