using System.ComponentModel;
using Microsoft.Extensions.Logging;

namespace LocalAgent.Terminals;

/// <summary>The terminals of this process, by the ids that their clients chose (tailnet.md §6.3).</summary>
internal sealed partial class TerminalSessions(TerminalOptions options, TimeProvider time, ILogger<TerminalSessions> logger)
    : IAsyncDisposable
{
    private readonly Lock _lock = new();
    private readonly Dictionary<Guid, TerminalSession> _sessions = [];
    private readonly HashSet<TerminalSession> _ending = [];
    private readonly OutputShare _share = new(options, time);
    /// <summary>The shell of a terminal without a command, and the home directory of all terminals.</summary>
    internal UserShell Shell { get; init; } = UserShell.Find();

    /// <summary>The number of terminals, without those that are ending.</summary>
    public int Count
    {
        get
        {
            lock (_lock)
            {
                return _sessions.Count;
            }
        }
    }

    /// <summary>Attaches to the terminal of this id. Starts one where there is none, unless the request names a shell.</summary>
    /// <exception cref="RefusalException">
    /// A limit is reached (429), the system cannot open another terminal (500), or the requested shell has ended (410).
    /// </exception>
    public TerminalAttachment Attach(TerminalRequest request)
    {
        lock (_lock)
        {
            // A terminal that has just ended is replaced by a new one.
            var found = _sessions.TryGetValue(request.Id, out var session) && !session.IsOver;
            if (request.Shell is { } shell && (!found || session!.Shell != shell))
            {
                throw new RefusalException(410, "the terminal's shell has ended");
            }

            if (found)
            {
                return session!.Attach(request.Height, request.Width)
                    ?? throw new RefusalException(
                        429, FormattableString.Invariant($"the terminal has {options.MaxAttachments} clients already"));
            }

            // Terminals that are ending still have their processes.
            if (_sessions.Count + _ending.Count >= options.MaxSessions)
            {
                throw new RefusalException(429, FormattableString.Invariant($"there are {options.MaxSessions} terminals already"));
            }

            return Start(request);
        }
    }

    public async ValueTask DisposeAsync()
    {
        TerminalSession[] sessions;
        lock (_lock)
        {
            sessions = [.. _sessions.Values, .. _ending];
        }

        Array.ForEach(sessions, static session => session.End());
        await Task.WhenAll(sessions.Select(static session => session.Over));
    }

    private TerminalAttachment Start(TerminalRequest request)
    {
        try
        {
            var session = TerminalSession.Start(
                request.Height, request.Width, request.Command, Shell, _share, options, time, logger, over => OnOver(request.Id, over));
            _sessions[request.Id] = session;
            var attachment = session.Attach(request.Height, request.Width)!;
            session.Begin();
            return attachment;
        }
        catch (Win32Exception exception)
        {
            StartFailed(logger, exception);
            throw new RefusalException(500, "no terminal could be started", exception.Message);
        }
    }

    private void OnOver(Guid id, TerminalSession session)
    {
        lock (_lock)
        {
            if (_sessions.GetValueOrDefault(id) == session)
            {
                _sessions.Remove(id);
            }

            _ending.Add(session);
        }

        _ = ForgetAsync(session);
    }

    private async Task ForgetAsync(TerminalSession session)
    {
        await session.Over;
        lock (_lock)
        {
            _ending.Remove(session);
        }
    }
}
